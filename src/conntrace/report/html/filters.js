// Verdicts, filters, and what the marks mean.

const MOST_CARDS = 24;

function card(verdict, index) {
  const n = index + 1,
    sums = number(verdict.count) + " × " + verdict.cost;
  const press = () => {
    state.verdict = state.verdict === n ? 0 : n;
    filter();
  };
  const kind = "card" + (verdict.avoidable ? " saves" : "");
  const frame = (...parts) =>
    items.length
      ? el(
          "button",
          { type: "button", class: kind, "aria-pressed": "false", onclick: press },
          ...parts,
        )
      : el("div", { class: kind }, ...parts);
  return el(
    "li",
    {},
    frame(
      el(
        "b",
        {},
        el(
          "span",
          { class: "sum" + (verdict.avoidable ? " saving" : "") },
          sums + (verdict.avoidable ? " avoidable" : ""),
        ),
        `${n}  ${verdict.heading}`,
      ),
      el("span", { class: "faint" }, verdict.where),
      el("span", {}, verdict.why),
      verdict.advice ? el("span", { class: "do" }, "Do: " + verdict.advice) : "",
      ...verdict.hints.map((hint) => el("span", { class: "faint" }, "Don’t: " + hint)),
    ),
  );
}

function filter() {
  const host = state.host.toLowerCase(),
    call = state.invocation && new Set(data.invocations[state.invocation].items);
  visible = items.filter(
    (item) =>
      (!state.cause || causeOf(item) === state.cause) &&
      (!host || hostOf(item).toLowerCase().includes(host)) &&
      (!state.avoidable || (item.s && item.s.a)) &&
      (!state.verdict || (item.s && item.s.v === state.verdict)) &&
      (!call || call.has(item.k)),
  );
  // The other end of an arrow stays in the picture.
  if (state.cause || state.avoidable || state.verdict) {
    const kept = new Set(visible);
    for (const item of visible)
      for (const map of [outOf.evicted, into.replaced, into.fork])
        for (const n of map.get(item.n) || []) kept.add(byNumber.get(n));
    visible = items.filter((item) => kept.has(item));
  }
  [...document.querySelectorAll("button.card")].forEach((node, index) =>
    node.setAttribute("aria-pressed", index + 1 === state.verdict),
  );
  const filtered = state.cause || state.avoidable || state.verdict || host || call;
  $("shown").textContent = !filtered
    ? ""
    : `${number(visible.length)} of ${number(items.length)} shown` +
      (state.verdict ? `, verdict ${state.verdict}` : "");
  layout();
  sortRows();
  draw();
}

function invoke(index) {
  state.invocation = $("invocation").value = index;
  filter();
  const each = data.invocations[index];
  if (each && (each.b + each.l < view.from || each.b > view.to))
    show(each.b - each.l, each.b + 2 * each.l);
}

function controls() {
  const causes = [...new Set(items.map(causeOf))].sort();
  $("cause").append(
    el("option", { value: "" }, "all"),
    ...causes.map((name) => el("option", { value: name }, name)),
  );
  $("invocation").append(
    el("option", { value: "" }, "all"),
    ...data.invocations
      .slice(0, 2000)
      .map((each, index) => el("option", { value: index }, invocationName(each))),
  );
  $("invocation-label").hidden = !data.invocations.length;
  for (const id of ["cause", "host", "invocation"])
    $(id).addEventListener("input", () => {
      state[id] = $(id).value;
      filter();
    });
  $("avoidable").addEventListener("input", () => {
    state.avoidable = $("avoidable").checked;
    filter();
  });
  for (const id of ["from", "to"])
    $(id).addEventListener("change", () => show($("from").value * 1000, $("to").value * 1000));
  $("in").onclick = () => zoom(0.5);
  $("out").onclick = () => zoom(2);
  $("whole").onclick = reset;
  $("theme").onclick = () => {
    const root = document.documentElement,
      dark = root.dataset.theme
        ? root.dataset.theme === "dark"
        : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    resize();
    draw();
  };
}

// Only what the picture holds.
function legend() {
  const ends = new Set(items.map((item) => item.x)),
    kinds = new Set(data.arrows.map(([kind]) => kind)),
    phases = new Set(items.flatMap((item) => (item.h || []).map(([phase]) => phase)));
  const swatch = (name, words) => {
    const mark = el("i");
    mark.style.background = `var(--${name})`;
    return el("span", {}, mark, words);
  };
  const marks = [
    ["/// frozen", items.some((item) => item.z)],
    ["◂ open before the recording", items.some((item) => !item.s)],
    ["✕ server closed, failed", ends.has("server") || ends.has("failed")],
    ["| client closed", ends.has("client")],
    ["▲ evicted (arrow from the evictor)", ends.has("evicted")],
    ["○ leaked", ends.has("leaked")],
    ["→ still open", ends.has("open")],
    ["Y after a fork", items.some((item) => item.y)],
    ["┄▸ replaced by", kinds.has("replaced")],
    ["┊ the server’s idle limit", items.some((item) => item.g)],
    ["▀ invocation", data.invocations.length],
    ["!1 avoidable, verdict 1", items.some((item) => item.s && item.s.a)],
  ];
  $("legend").append(
    ...Object.entries(PHASES)
      .filter(([name]) => phases.has(name))
      .map(([name, words]) => swatch(name, `${words[0]} (${words[1]})`)),
    items.length ? swatch("setup", "rest of a set-up") : "",
    swatch("request", "request"),
    swatch("life", "idle"),
    ...marks.filter(([, used]) => used).map(([words]) => el("span", {}, words)),
  );
}
