// Data from spans reaches the page as text nodes and drawn text only, never as markup.
//
// An item is a connection, or a lookup or connect alone. T is the table of texts; a number between
// stars below is a place in it, times are milliseconds since the first span:
//   n number (0: alone)   d *destination*   o *owner*   l *pool*   p process   b begin   e end
//   q requests   r begin, length, idle s, frozen s of each request   i their span ids   c close's id
//   x how it ended (the mark)   w *the same in words*   g the server would close it   y forked
//   z frozen stretches   h phases: name, begin, length, *name*, id, failed   s set-up:
//   s.b begin  .l length  .i id  .t *trace*  .a avoidable  .v verdict  .c *cause*  .f *confidence*
//   s.x *detail*  .e *evidence*  .k *contributing*  .d *advice*  .w *call site*  .m *made at*  .r *error*
const data = JSON.parse(document.getElementById("data").textContent);
const T = data.texts,
  items = data.items;
const $ = (id) => document.getElementById(id);

function el(tag, props, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props || {})) {
    if (key === "class") node.className = value;
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value);
  }
  for (const child of children) if (child !== null && child !== "") node.append(child);
  return node;
}

const number = (value) => value.toLocaleString("en");
const counted = (value, noun) => `${number(value)} ${noun}${value === 1 ? "" : "s"}`;
function ms(value) {
  if (value >= 9999.5) return (value / 1000).toFixed(1) + " s";
  return (value < 9.95 ? value.toFixed(1) : number(Math.round(value))) + " ms";
}
function seconds(value_ms, step) {
  const s = value_ms / 1000;
  if (step !== undefined && step < 1000)
    return s.toFixed(Math.min(6, Math.ceil(3 - Math.log10(step)))) + " s";
  if (step === undefined) return s.toFixed(s < 100 ? 3 : 1) + " s";
  return s < 120
    ? Math.round(s) + " s"
    : s < 7200
      ? +(s / 60).toFixed(1) + " min"
      : +(s / 3600).toFixed(1) + " h";
}
const PHASES = {
  dns: ["lookup", "D"],
  connect: ["connect", "C"],
  proxy: ["proxy", "P"],
  trust_store: ["trust store", "S"],
  tls: ["handshake", "T"],
};
const causeOf = (item) => (item.s ? T[item.s.c] : "open before the recording");
const hostOf = (item) => T[item.d];
const costOf = (item) => (item.s ? item.s.l : 0);
const nameOf = (item) => (item.n ? "#" + item.n + " " : "") + hostOf(item);
const byNumber = new Map();
items.forEach((item, index) => {
  item.k = index;
  if (item.n) byNumber.set(item.n, item);
});
// For each kind of arrow: the numbers at its other end.
const into = { evicted: new Map(), replaced: new Map(), fork: new Map() },
  outOf = { evicted: new Map(), replaced: new Map(), fork: new Map() };
const append = (map, key, value) =>
  map.has(key) ? map.get(key).push(value) : map.set(key, [value]);
for (const [kind, from, to] of data.arrows) {
  append(into[kind], to, from);
  append(outOf[kind], from, to);
}
const invocationsOf = new Map();
data.invocations.forEach((each, index) =>
  each.items.forEach((at) => append(invocationsOf, items[at], index)),
);
const invocationName = (each) =>
  [
    each.name,
    each.kind,
    each.error && "✕ " + each.error,
    "at " + seconds(each.b),
    each.id.slice(0, 8),
  ]
    .filter(Boolean)
    .join(" ");
// One state; whoever changes it calls `changed`.
const state = {
  cause: "",
  host: "",
  invocation: "",
  avoidable: false,
  verdict: 0,
  chosen: null,
  request: -1,
};
const listeners = [];
const changed = (what) => listeners.forEach((listener) => listener(what));
let visible = items;

function choose(item, request = -1) {
  state.chosen = item;
  state.request = request;
  changed("chosen");
  const span = item && (request >= 0 ? item.i[request] : item.s ? item.s.i : item.i[0] || item.c);
  history.replaceState(null, "", span ? "#span=" + span : "#");
  if (item) $("live").textContent = nameOf(item) + ", " + causeOf(item) + ", " + ms(costOf(item));
}
