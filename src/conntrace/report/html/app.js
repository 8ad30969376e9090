function card(verdict, index) {
  const n = index + 1, sums = number(verdict.count) + " × " + ms(verdict.cost);
  const press = () => { state.verdict = state.verdict === n ? 0 : n; filter(); };
  const where = [verdict.places[0], verdict.destinations[0] + (verdict.destinations.length > 1 ? ` and ${verdict.destinations.length - 1} more` : "")].filter(Boolean).join(" · ");
  return el("li", {}, el("button", { type: "button", class: "card" + (verdict.avoidable ? " saves" : ""), "aria-pressed": "false", onclick: press },
    el("b", {}, el("span", { class: "sum" + (verdict.avoidable ? " saving" : "") }, sums + (verdict.avoidable ? " avoidable" : "")), `${n}  ${verdict.proved ? "" : "probably: "}${verdict.title}`),
    el("span", { class: "faint" }, where), el("span", {}, verdict.why),
    verdict.advice ? el("span", { class: "do" }, "Do: " + verdict.advice) : "",
    ...verdict.hints.map((hint) => el("span", { class: "faint" }, "Don’t: " + hint))));
}

function filter() {
  const host = state.host.toLowerCase(), trace = state.invocation;
  visible = items.filter((item) => (!state.cause || causeOf(item) === state.cause) && (!host || hostOf(item).toLowerCase().includes(host)) &&
    (!state.avoidable || (item.s && item.s.a)) && (!state.verdict || (item.s && item.s.v === state.verdict)) && (!trace || (item.s && T[item.s.t] === trace)));
  // The other end of an arrow stays in the picture.
  if (state.cause || state.avoidable || state.verdict) {
    const kept = new Set(visible);
    for (const [by, victim] of data.arrows) if (kept.has(byNumber.get(by))) kept.add(byNumber.get(victim));
    visible = items.filter((item) => kept.has(item));
  }
  [...document.querySelectorAll(".card")].forEach((node, index) => node.setAttribute("aria-pressed", index + 1 === state.verdict));
  $("shown").textContent = visible.length === items.length ? "" : `${number(visible.length)} of ${number(items.length)} shown` + (state.verdict ? `, verdict ${state.verdict}` : "");
  layout(); sortRows(); draw();
}

function grid(id, titles, rows) {
  if (!rows.length) { $(id).closest("section").hidden = true; return; }
  const cell = (value) => (value instanceof Node ? el("td", {}, value) : el("td", { class: typeof value === "number" ? "num" : "" }, typeof value === "number" ? number(value) : value));
  $(id).append(el("table", {}, el("thead", {}, el("tr", {}, ...titles.map((title) => el("th", { scope: "col" }, title)))), el("tbody", {}, ...rows.map((row) => el("tr", {}, ...row.map(cell))))));
}

function phaseStack(each) {
  const sum = Object.values(each.phases).reduce((a, b) => a + b, 0), words = Object.entries(each.phases).map(([phase, value]) => `${PHASES[phase][0]} ${ms(value)}`).join(", ");
  const stack = el("div", { class: "stack", role: "img", "aria-label": words || "no phases", title: words });
  for (const [phase, value] of Object.entries(each.phases)) { const part = el("i"); part.style.flex = String(value / sum); part.style.background = `var(--${phase})`; stack.append(part); }
  return stack;
}
function idleBars(idle) {
  if (!idle) return "";
  const most = Math.max(...idle.histogram.map((each) => each.count)), bars = el("span", { class: "bars", role: "img", "aria-label": idle.histogram.map((each) => `up to ${each.le_s} s: ${each.count}`).join(", ") });
  for (const each of idle.histogram.slice(-14)) { const bar = el("i"); bar.style.height = Math.round((20 * each.count) / most) + "px"; bars.append(bar); }
  return el("span", {}, bars, `${number(idle.count)} × ${idle.min_s} to ${idle.max_s} s, median ${idle.median_s} s`);
}

function summaries() {
  grid("destinations", ["Destination", "Connections", "Requests", "Set-up", "Avoidable", "Phases", "Idle when the server closed"], data.destinations.map((each) => [each.name, each.connections, each.requests, ms(each.cost), each.avoidable ? ms(each.avoidable) : "", phaseStack(each), idleBars(each.idle)]));
  grid("causes", ["Cause", "Meaning", "Count", "Set-up", "Avoidable"], data.causes.map(([id, title, count, cost, saved]) => [id, title, count, ms(cost), saved ? ms(saved) : ""]));
  grid("services", ["Service", "Connections", "Set-up", "Avoidable"], data.services.length > 1 ? data.services.map(([name, count, cost, saved]) => [name, count, ms(cost), saved ? ms(saved) : ""]) : []);
  if (data.problemCount) { $("problems").hidden = false; $("problems").append(el("h2", {}, `${number(data.problemCount)} problems while reading`), el("ul", {}, ...data.problems.map((text) => el("li", {}, text)))); }
}

function legend() {
  const swatch = (name, words) => { const mark = el("i"); mark.style.background = `var(--${name})`; return el("span", {}, mark, words); };
  $("legend").append(...Object.entries(PHASES).map(([name, words]) => swatch(name, `${words[0]} (${words[1]})`)), swatch("request", "request"), swatch("life", "idle"),
    ...["/// frozen", "✕ server closed, failed", "| client closed", "▲ evicted (arrow from the evictor)", "→ still open", "┊ the server’s idle limit", "!1 avoidable, verdict 1"].map((text) => el("span", {}, text)));
}

function controls() {
  const causes = [...new Set(items.map(causeOf))].sort();
  $("cause").append(el("option", { value: "" }, "all"), ...causes.map((name) => el("option", { value: name }, name)));
  $("invocation").append(el("option", { value: "" }, "all"), ...data.invocations.slice(0, 2000).map(([name, begin, , trace]) => el("option", { value: trace }, `${name} at ${seconds(begin)}`)));
  $("invocation-label").hidden = !data.invocations.length;
  for (const id of ["cause", "host", "invocation"]) $(id).addEventListener("input", () => { state[id] = $(id).value; filter(); });
  $("avoidable").addEventListener("input", () => { state.avoidable = $("avoidable").checked; filter(); });
  $("in").onclick = () => zoom(0.5); $("out").onclick = () => zoom(2); $("whole").onclick = reset;
  $("theme").onclick = () => { const root = document.documentElement, dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches; root.dataset.theme = dark ? "light" : "dark"; resize(); draw(); };
}

function keys(event) {
  const acts = { ArrowDown: () => step(order3(), 1), ArrowUp: () => step(order3(), -1), ArrowLeft: () => pan(-0.15), ArrowRight: () => pan(0.15), "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), 0: reset, Enter: () => panel.hidden || panel.querySelector("h3").focus() };
  const act = event.ctrlKey || event.metaKey ? null : acts[event.key];
  if (act) { event.preventDefault(); act(); }
}
const order3 = () => rows.flatMap((row) => row.lives || []);

function pointer() {
  let from = null, moved = false;
  canvas.addEventListener("pointerdown", (event) => { from = event.offsetX; moved = false; canvas.setPointerCapture(event.pointerId); });
  canvas.addEventListener("pointermove", (event) => {
    if (from === null) { const [item] = hit(event.offsetX, event.offsetY); canvas.title = item ? `${nameOf(item)}: ${causeOf(item)} ${ms(costOf(item))}` : ""; return; }
    if (Math.abs(event.offsetX - from) < 4 && !moved) return;
    moved = true; pan((from - event.offsetX) / (width - LEFT - RIGHT)); from = event.offsetX;
  });
  canvas.addEventListener("pointerup", (event) => { from = null; if (!moved) choose(...hit(event.offsetX, event.offsetY)); });
  canvas.addEventListener("pointercancel", () => { from = null; });
  canvas.addEventListener("dblclick", (event) => zoom(0.25, timeAt(event.offsetX)));
  lanes.addEventListener("wheel", (event) => { if (event.ctrlKey) { event.preventDefault(); zoom(event.deltaY > 0 ? 1.25 : 0.8, timeAt(event.offsetX)); } else if (event.deltaX) pan(event.deltaX / width); }, { passive: false });
  lanes.addEventListener("scroll", draw);
  lanes.addEventListener("keydown", keys);
}

function follow() {
  const wanted = new URLSearchParams(location.hash.slice(1)).get("span");
  if (!wanted) return;
  for (const item of items) {
    const request = item.i.indexOf(wanted);
    if (request >= 0 || (item.s && item.s.i === wanted) || item.c === wanted || (item.h && item.h.some((each) => each[4] === wanted))) { choose(item, request); reveal(item); return; }
  }
  $("live").textContent = "no such span in this report";
}

function start() {
  $("headline").textContent = data.headline; $("cost").textContent = data.cost; $("wait").textContent = data.wait;
  $("footer").textContent = `conntrace ${data.version}` + (data.start ? ` · from ${data.start}` : "") + (data.complete ? "" : " · only counted: the input is too large to show every connection");
  document.title = "conntrace: " + (data.cost || data.headline);
  $("verdicts").append(...data.verdicts.slice(0, 24).map(card));
  for (const id of ["picture", "scroll"]) if (!items.length) $(id).closest("section").hidden = true;
  tableHead(); summaries(); legend(); controls(); pointer(); resize(); filter(); sizeLanes();
  listeners.push(() => { showPanel(); resize(); layout(); draw(); showRow(); });
  scroll.addEventListener("scroll", fill);
  scroll.addEventListener("keydown", (event) => { const by = { ArrowDown: 1, ArrowUp: -1 }[event.key]; if (by) { event.preventDefault(); step(sorted, by); } else if (event.key === "Enter" && !panel.hidden) panel.querySelector("h3").focus(); });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && state.chosen) { choose(null); lanes.focus(); } });
  new ResizeObserver(() => { resize(); layout(); draw(); }).observe(lanes);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { resize(); draw(); });
  addEventListener("beforeprint", () => { everything = true; fill(); }); addEventListener("afterprint", () => { everything = false; fill(); });
  addEventListener("hashchange", follow);
  follow();
  document.documentElement.dataset.ready = "yes";
}
function sizeLanes() { if (total + 10 < height) { lanes.style.height = Math.max(120, total + 12) + "px"; resize(); layout(); draw(); } }
start();
