const MOST_CARDS = 24;
function card(verdict, index) {
  const n = index + 1, sums = number(verdict.count) + " × " + verdict.cost;
  const press = () => { state.verdict = state.verdict === n ? 0 : n; filter(); };
  const kind = "card" + (verdict.avoidable ? " saves" : "");
  const frame = (...parts) => (items.length ? el("button", { type: "button", class: kind, "aria-pressed": "false", onclick: press }, ...parts) : el("div", { class: kind }, ...parts));
  const where = [verdict.places[0], verdict.destinations[0] + (verdict.destinations.length > 1 ? ` and ${verdict.destinations.length - 1} more` : "")].filter(Boolean).join(" · ");
  return el("li", {}, frame(
    el("b", {}, el("span", { class: "sum" + (verdict.avoidable ? " saving" : "") }, sums + (verdict.avoidable ? " avoidable" : "")), `${n}  ${verdict.proved ? "" : "probably: "}${verdict.title}`),
    el("span", { class: "faint" }, where), el("span", {}, verdict.why),
    verdict.advice ? el("span", { class: "do" }, "Do: " + verdict.advice) : "",
    ...verdict.hints.map((hint) => el("span", { class: "faint" }, "Don’t: " + hint))));
}

function filter() {
  const host = state.host.toLowerCase(), call = state.invocation && new Set(data.invocations[state.invocation].items);
  visible = items.filter((item) => (!state.cause || causeOf(item) === state.cause) && (!host || hostOf(item).toLowerCase().includes(host)) &&
    (!state.avoidable || (item.s && item.s.a)) && (!state.verdict || (item.s && item.s.v === state.verdict)) && (!call || call.has(item.k)));
  // The other end of an arrow stays in the picture.
  if (state.cause || state.avoidable || state.verdict) {
    const kept = new Set(visible);
    for (const item of visible) for (const map of [outOf.evicted, into.replaced]) for (const n of map.get(item.n) || []) kept.add(byNumber.get(n));
    visible = items.filter((item) => kept.has(item));
  }
  [...document.querySelectorAll("button.card")].forEach((node, index) => node.setAttribute("aria-pressed", index + 1 === state.verdict));
  const filtered = state.cause || state.avoidable || state.verdict || host || call;
  $("shown").textContent = !filtered ? "" : `${number(visible.length)} of ${number(items.length)} shown` + (state.verdict ? `, verdict ${state.verdict}` : "");
  layout(); sortRows(); draw();
}

// A table; columns that would be empty are left out.
function grid(id, titles, rows) {
  if (!rows.length) { $(id).closest("section").hidden = true; return; }
  const used = titles.map((_, at) => rows.some((row) => row[at] instanceof Node ? row[at].hasChildNodes() : row[at] !== ""));
  const pick = (row) => row.filter((_, at) => used[at]);
  const cell = (value) => (value instanceof Node ? el("td", {}, value) : el("td", { class: typeof value === "number" ? "num" : "" }, typeof value === "number" ? number(value) : value));
  $(id).append(el("table", { "aria-label": $(id).closest("section").getAttribute("aria-label") }, el("thead", {}, el("tr", {}, ...pick(titles).map((title) => el("th", { scope: "col" }, title)))), el("tbody", {}, ...rows.map((row) => el("tr", {}, ...pick(row).map(cell))))));
}

function phaseStack(each) {
  const sum = Object.values(each.phases).reduce((a, b) => a + b, 0), words = Object.entries(each.phases).map(([phase, value]) => `${PHASES[phase][0]} ${ms(value)}`).join(", ");
  const stack = el("div", { class: "stack", role: "img", "aria-label": words || "no phases", title: words });
  for (const [phase, value] of Object.entries(each.phases)) { const part = el("i"); part.style.flex = String(value / sum); part.style.background = `var(--${phase})`; stack.append(part); }
  return stack;
}
// One bar for each doubling; the dotted line is the server's limit.
function idleBars({ idle, limit }) {
  if (!idle) return "";
  const steps = idle.histogram.slice(-14), most = Math.max(...steps.map((each) => each.count)), low = steps[0].le_s / 2;
  const told = steps.filter((each) => each.count).map((each) => `${+(each.le_s / 2).toPrecision(2)} to ${+each.le_s.toPrecision(2)} s: ${number(each.count)}`).join(", ");
  const bars = el("span", { class: "bars", role: "img", "aria-label": told + (limit ? `; the server’s limit: ${limit} s` : ""), title: told });
  for (const each of steps) { const bar = el("i"); bar.style.height = Math.ceil((20 * each.count) / most) + "px"; bars.append(bar); }
  if (limit > low) { const mark = el("b", { class: "limit" }); mark.style.left = Math.min(steps.length, Math.log2(limit / low)) * 10 - 1 + "px"; bars.append(mark); }
  return el("span", {}, bars, `${number(idle.count)} × ${idle.min_s} to ${idle.max_s} s, median ${idle.median_s} s` + (limit ? `, limit ${limit} s` : ""));
}

function invoke(index) { state.invocation = $("invocation").value = index; filter(); const each = data.invocations[index]; if (each && (each.b + each.l < view.from || each.b > view.to)) show(each.b - each.l, each.b + 2 * each.l); }
function calls() {
  const name = ([label, ...rest]) => [label, ...rest.slice(0, 3), ...rest.slice(3).map((value, at) => (at < 2 || value ? ms(value) : ""))];
  grid("functions", ["Function", "Invocations", "Cold", "Failed", "Median", "Set-up for each", "Avoidable for each"], data.functions.map(name));
  const costly = data.invocations.map((each, index) => [each, index]).sort(([a], [b]) => b.avoidable - a.avoidable || b.setup - a.setup).slice(0, 100).sort(([a], [b]) => a.b - b.b);
  grid("calls", ["Invocation", "Request", "Took", "New connections", "Set-up", "Avoidable"], costly.map(([each, index]) => [el("button", { type: "button", onclick: () => { invoke(String(index)); lanes.focus(); } }, [each.name, each.kind, each.error && "✕ " + each.error, "at " + seconds(each.b)].filter(Boolean).join(" ")), each.id, ms(each.l), each.new, each.setup ? ms(each.setup) : "", each.avoidable ? ms(each.avoidable) : ""]));
  if (data.invocations.length > costly.length) $("calls").append(el("p", { class: "faint" }, `${number(data.invocations.length - costly.length)} more that cost less`));
}

function summaries() {
  grid("destinations", ["Destination", "Connections", "Requests", "Set-up", "Avoidable", "Phases", "Idle when the server closed"], data.destinations.map((each) => [each.name, each.connections, each.requests, ms(each.cost), each.avoidable ? ms(each.avoidable) : "", phaseStack(each), idleBars(each)]));
  grid("causes", ["Cause", "Meaning", "Count", "Set-up", "Avoidable"], data.causes.map(([id, title, count, cost, saved]) => [id, title, count, ms(cost), saved ? ms(saved) : ""]));
  grid("services", ["Service", "Connections", "Set-up", "Avoidable"], data.services.length > Math.max(1, data.functions.length) ? data.services.map(([name, count, cost, saved]) => [name, count, ms(cost), saved ? ms(saved) : ""]) : []);
  calls();
  if (data.problemCount) { $("problems").hidden = false; $("problems").append(el("h2", {}, `${number(data.problemCount)} problems while reading`), el("ul", {}, ...data.problems.map((text) => el("li", {}, text)))); }
}

// Only what the picture holds.
function legend() {
  const ends = new Set(items.map((item) => item.x)), kinds = new Set(data.arrows.map(([kind]) => kind)), phases = new Set(items.flatMap((item) => (item.h || []).map(([phase]) => phase)));
  const swatch = (name, words) => { const mark = el("i"); mark.style.background = `var(--${name})`; return el("span", {}, mark, words); };
  const marks = [["/// frozen", items.some((item) => item.z)], ["◂ open before the recording", items.some((item) => !item.s)], ["✕ server closed, failed", ends.has("server") || ends.has("failed")], ["| client closed", ends.has("client")], ["▲ evicted (arrow from the evictor)", ends.has("evicted")], ["○ leaked", ends.has("leaked")], ["→ still open", ends.has("open")],
    ["Y after a fork", items.some((item) => item.y)], ["┄▸ replaced by", kinds.has("replaced")], ["┊ the server’s idle limit", items.some((item) => item.g)], ["▀ invocation", data.invocations.length], ["!1 avoidable, verdict 1", items.some((item) => item.s && item.s.a)]];
  $("legend").append(...Object.entries(PHASES).filter(([name]) => phases.has(name)).map(([name, words]) => swatch(name, `${words[0]} (${words[1]})`)), items.length ? swatch("setup", "rest of a set-up") : "", swatch("request", "request"), swatch("life", "idle"), ...marks.filter(([, used]) => used).map(([words]) => el("span", {}, words)));
}

function controls() {
  const causes = [...new Set(items.map(causeOf))].sort();
  $("cause").append(el("option", { value: "" }, "all"), ...causes.map((name) => el("option", { value: name }, name)));
  $("invocation").append(el("option", { value: "" }, "all"), ...data.invocations.slice(0, 2000).map((each, index) => el("option", { value: index }, invocationName(each))));
  $("invocation-label").hidden = !data.invocations.length;
  for (const id of ["cause", "host", "invocation"]) $(id).addEventListener("input", () => { state[id] = $(id).value; filter(); });
  $("avoidable").addEventListener("input", () => { state.avoidable = $("avoidable").checked; filter(); });
  for (const id of ["from", "to"]) $(id).addEventListener("change", () => show($("from").value * 1000, $("to").value * 1000));
  $("in").onclick = () => zoom(0.5); $("out").onclick = () => zoom(2); $("whole").onclick = reset;
  $("theme").onclick = () => { const root = document.documentElement, dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches; root.dataset.theme = dark ? "light" : "dark"; resize(); draw(); };
}

function keys(event) {
  const acts = { ArrowDown: () => step(order3(), 1), ArrowUp: () => step(order3(), -1), ArrowLeft: () => pan(-0.15), ArrowRight: () => pan(0.15), "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), 0: reset, z: closeUp, Enter: () => panel.hidden || panel.querySelector("h3").focus() };
  const act = event.ctrlKey || event.metaKey ? null : acts[event.key];
  if (act) { event.preventDefault(); act(); }
}
const order3 = () => rows.flatMap((row) => row.lives || []);

function pointer() {
  let from = null, moved = false;
  canvas.addEventListener("pointerdown", (event) => { from = event.offsetX; if (event.offsetY < AXIS) brush = [from, from]; moved = false; canvas.setPointerCapture(event.pointerId); });
  canvas.addEventListener("pointermove", (event) => {
    if (from === null) { const [item] = hit(event.offsetX, event.offsetY); canvas.title = item ? `${nameOf(item)}: ${causeOf(item)} ${ms(costOf(item))}` : ""; return; }
    if (Math.abs(event.offsetX - from) < 4 && !moved) return;
    moved = true;
    if (brush) { brush[1] = event.offsetX; draw(); return; }
    pan((from - event.offsetX) / (width - LEFT - RIGHT)); from = event.offsetX;
  });
  canvas.addEventListener("pointerup", (event) => {
    from = null;
    if (brush) { const [a, b] = brush; brush = null; if (moved) show(timeAt(Math.min(a, b)), timeAt(Math.max(a, b))); draw(); }
    else if (!moved) choose(...hit(event.offsetX, event.offsetY));
  });
  canvas.addEventListener("pointercancel", () => { from = brush = null; draw(); });
  canvas.addEventListener("dblclick", (event) => zoom(0.25, timeAt(event.offsetX)));
  lanes.addEventListener("wheel", (event) => { if (event.ctrlKey) { event.preventDefault(); zoom(event.deltaY > 0 ? 1.25 : 0.8, timeAt(event.offsetX)); } else if (event.deltaX) pan(event.deltaX / width); }, { passive: false });
  lanes.addEventListener("scroll", draw);
  lanes.addEventListener("keydown", keys);
}

function follow() {
  const wanted = new URLSearchParams(location.hash.slice(1)).get("span");
  if (!wanted) return;
  const call = data.invocations.findIndex((each) => each.span === wanted);
  if (call >= 0) { invoke(String(call)); return; }
  for (const item of items) {
    const request = item.i.indexOf(wanted);
    if (request >= 0 || (item.s && item.s.i === wanted) || item.c === wanted || (item.h && item.h.some((each) => each[4] === wanted))) { choose(item, request); reveal(item); return; }
  }
  $("live").textContent = "no such span in this report";
}

function start() {
  $("headline").textContent = data.headline; $("cost").textContent = data.cost; $("wait").textContent = data.wait; $("note").textContent = data.note;
  $("failed").append(...data.failed.map((text) => el("li", {}, text))); $("verdicts-section").hidden = !data.verdicts.length;
  $("footer").textContent = `conntrace ${data.version}` + (data.start ? ` · from ${data.start}` : "") + (data.repeated ? ` · ${number(data.repeated)} spans came more than once; each counts once` : "");
  document.title = "conntrace: " + (data.cost || data.headline);
  $("verdicts").append(...data.verdicts.slice(0, MOST_CARDS).map(card));
  if (data.verdicts.length > MOST_CARDS) $("verdicts-section").append(el("p", { class: "faint" }, `${number(data.verdicts.length - MOST_CARDS)} more verdicts that cost less`));
  for (const id of ["picture", "scroll"]) if (!items.length) $(id).closest("section").hidden = true;
  tableHead(); summaries(); legend(); controls(); pointer(); resize(); reset(); filter(); sizeLanes();
  listeners.push(() => { showPanel(); resize(); layout(); draw(); showRow(); });
  scroll.addEventListener("scroll", fill);
  scroll.addEventListener("keydown", (event) => { const by = { ArrowDown: 1, ArrowUp: -1 }[event.key]; if (by) { event.preventDefault(); step(sorted, by); } else if (event.key === "Enter" && !panel.hidden) panel.querySelector("h3").focus(); });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && state.chosen) { choose(null); lanes.focus(); } });
  new ResizeObserver(() => { resize(); layout(); draw(); }).observe(lanes);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { resize(); draw(); });
  addEventListener("beforeprint", () => paper(true)); addEventListener("afterprint", () => paper(false));
  addEventListener("hashchange", follow);
  follow();
  document.documentElement.dataset.ready = "yes";
}
// Paper is white, and nobody scrolls it.
let screen = null;
function paper(on) {
  const root = document.documentElement.dataset;
  if (on) { screen = { theme: root.theme, height: lanes.style.height }; root.theme = "light"; lanes.style.height = Math.min(total + 12, 3000) + "px"; }
  else if (screen) { if (screen.theme) root.theme = screen.theme; else delete root.theme; lanes.style.height = screen.height; screen = null; }
  everything = on; fill(); resize(); layout(); paint();
}
function sizeLanes() { if (total + 10 < height) { lanes.style.height = Math.max(120, total + 12) + "px"; resize(); layout(); draw(); } }
start();
