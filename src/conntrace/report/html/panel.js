const panel = $("panel");

function term(list, name, ...content) {
  const kept = content.filter((each) => each !== "" && each !== null && each !== undefined);
  if (kept.length) list.append(el("dt", {}, name), el("dd", {}, ...kept));
}
const bullets = (indexes) =>
  indexes && indexes.length ? el("ul", {}, ...indexes.map((i) => el("li", {}, T[i]))) : "";
function jump(n) {
  const item = byNumber.get(n);
  return item
    ? el(
        "button",
        {
          type: "button",
          onclick: () => {
            choose(item);
            reveal(item);
          },
        },
        nameOf(item),
      )
    : "";
}

function phaseRows(item) {
  const s = item.s,
    box = el("div");
  for (const [phase, begin, length, name, , failed] of item.h) {
    const bar = el("i"),
      share = Math.max(0.001, s.l);
    bar.style.left = (100 * (begin - s.b)) / share + "%";
    bar.style.width = (100 * length) / share + "%";
    bar.style.background = `var(--${phase})`;
    box.append(
      el(
        "div",
        { class: "phase", title: T[name] },
        el("span", {}, PHASES[phase][0] + (failed ? " ✕" : "")),
        el("span", { class: "track" }, bar),
        el("span", { class: "num" }, ms(length)),
      ),
    );
  }
  return item.h.length ? box : "";
}

function lifeTerms(list, item) {
  if (!item.n) return;
  term(list, "Served", counted(item.q, "request"));
  term(list, "Ended", T[item.w]);
  const links = [
    ["Pushed out by", into.evicted],
    ["Its set-up pushed out", outOf.evicted],
    ["Replaces", into.replaced],
    ["Replaced by", outOf.replaced],
    ["Forked from", into.fork],
    ["In a fork", outOf.fork],
  ];
  for (const [words, map] of links)
    term(list, words, ...(map.get(item.n) || []).slice(0, 10).map(jump));
  if (item.g) term(list, "The server would close it", "at " + seconds(item.g) + " (dotted line)");
  if (item.z) term(list, "Frozen", seconds(item.z.reduce((sum, [from, to]) => sum + to - from, 0)));
  if (state.request >= 0) {
    const [begin, length, idle, frozen] = item.r.slice(state.request * 4, state.request * 4 + 4);
    term(
      list,
      "Request " + (state.request + 1),
      `at ${seconds(begin)}, ${ms(length)}` +
        (idle ? `, after ${idle} s idle` : "") +
        (frozen ? `, of it ${frozen} s frozen` : ""),
    );
  }
}

function showPanel() {
  const item = state.chosen;
  panel.hidden = !item;
  if (!item) {
    panel.replaceChildren();
    return;
  }
  const s = item.s || {},
    list = el("dl");
  const sure = s.f ? ` (${T[s.f]})` : "";
  term(
    list,
    "Cause",
    el("strong", {}, causeOf(item)),
    sure,
    s.a ? el("span", { class: "saving" }, " avoidable") : "",
  );
  term(list, "Why", T[s.x || 0]);
  term(list, "Do", s.d ? el("span", { class: "do" }, T[s.d]) : "");
  term(list, "Evidence", bullets(s.e));
  term(list, "Made slower by", bullets(s.k));
  term(list, "Failed", T[s.r || 0]);
  term(
    list,
    item.n ? "Set-up" : "Took",
    item.s ? ms(s.l) + " at " + seconds(s.b) : "",
    phaseRows(item),
  );
  term(list, "Called at", T[s.w || 0]);
  term(list, "Client", item.n ? T[item.o || 0] : "", s.m ? " made at " + T[s.m] : "");
  term(list, "Pool", T[item.l || 0]);
  lifeTerms(list, item);
  const calls = invocationsOf.get(item) || [];
  term(
    list,
    "Invocations",
    calls.length
      ? el(
          "ul",
          {},
          ...calls
            .slice(0, 10)
            .map((index) =>
              el(
                "li",
                {},
                el(
                  "button",
                  { type: "button", onclick: () => invoke(String(index)) },
                  invocationName(data.invocations[index]),
                ),
              ),
            ),
          calls.length > 10 ? el("li", {}, number(calls.length - 10) + " more") : "",
        )
      : "",
  );
  term(list, "Process", data.processes[item.p] || "");
  term(list, "Trace", T[s.t || 0]);
  const close = el(
    "button",
    {
      type: "button",
      class: "close",
      "aria-label": "Close",
      onclick: () => {
        choose(null);
        lanes.focus();
      },
    },
    "✕",
  );
  panel.replaceChildren(close, el("h3", { tabindex: "-1" }, nameOf(item)), list);
}
