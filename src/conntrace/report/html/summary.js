// The tables below the picture.

// A table; columns that would be empty are left out.
function grid(id, titles, rows) {
  if (!rows.length) {
    $(id).closest("section").hidden = true;
    return;
  }
  const used = titles.map((_, at) =>
    rows.some((row) => (row[at] instanceof Node ? row[at].hasChildNodes() : row[at] !== "")),
  );
  const pick = (row) => row.filter((_, at) => used[at]);
  const cell = (value) =>
    value instanceof Node
      ? el("td", {}, value)
      : el(
          "td",
          { class: typeof value === "number" ? "num" : "" },
          typeof value === "number" ? number(value) : value,
        );
  $(id).append(
    el(
      "table",
      { "aria-label": $(id).closest("section").getAttribute("aria-label") },
      el(
        "thead",
        {},
        el("tr", {}, ...pick(titles).map((title) => el("th", { scope: "col" }, title))),
      ),
      el("tbody", {}, ...rows.map((row) => el("tr", {}, ...pick(row).map(cell)))),
    ),
  );
}

function phaseStack(each) {
  const sum = Object.values(each.phases).reduce((a, b) => a + b, 0),
    words = Object.entries(each.phases)
      .map(([phase, value]) => `${PHASES[phase][0]} ${ms(value)}`)
      .join(", ");
  const stack = el("div", {
    class: "stack",
    role: "img",
    "aria-label": words || "no phases",
    title: words,
  });
  for (const [phase, value] of Object.entries(each.phases)) {
    const part = el("i");
    part.style.flex = String(value / sum);
    part.style.background = `var(--${phase})`;
    stack.append(part);
  }
  return stack;
}

// One bar for each doubling; the dotted line is the server's limit.
function idleBars({ idle, limit }) {
  if (!idle) return "";
  const steps = idle.histogram.slice(-14),
    most = Math.max(...steps.map((each) => each.count)),
    low = steps[0].le_s / 2;
  const told = steps
    .filter((each) => each.count)
    .map(
      (each) =>
        `${+(each.le_s / 2).toPrecision(2)} to ${+each.le_s.toPrecision(2)} s: ${number(each.count)}`,
    )
    .join(", ");
  const bars = el("span", {
    class: "bars",
    role: "img",
    "aria-label": told + (limit ? `; the server’s limit: ${limit} s` : ""),
    title: told,
  });
  for (const each of steps) {
    const bar = el("i");
    bar.style.height = Math.ceil((20 * each.count) / most) + "px";
    bars.append(bar);
  }
  if (limit > low) {
    const mark = el("b", { class: "limit" });
    mark.style.left = Math.min(steps.length, Math.log2(limit / low)) * 10 - 1 + "px";
    bars.append(mark);
  }
  return el(
    "span",
    {},
    bars,
    `${number(idle.count)} × ${idle.min_s} to ${idle.max_s} s, median ${idle.median_s} s` +
      (limit ? `, limit ${limit} s` : ""),
  );
}

function calls() {
  const name = ([label, ...rest]) => [
    label,
    ...rest.slice(0, 3),
    ...rest.slice(3).map((value, at) => (at < 2 || value ? ms(value) : "")),
  ];
  grid(
    "functions",
    [
      "Function",
      "Invocations",
      "Cold",
      "Failed",
      "Median",
      "Set-up for each",
      "Avoidable for each",
    ],
    data.functions.map(name),
  );
  const costly = data.invocations
    .map((each, index) => [each, index])
    .sort(([a], [b]) => b.avoidable - a.avoidable || b.setup - a.setup)
    .slice(0, 100)
    .sort(([a], [b]) => a.b - b.b);
  grid(
    "calls",
    ["Invocation", "Request", "Took", "New connections", "Set-up", "Avoidable"],
    costly.map(([each, index]) => [
      el(
        "button",
        {
          type: "button",
          onclick: () => {
            invoke(String(index));
            lanes.focus();
          },
        },
        [each.name, each.kind, each.error && "✕ " + each.error, "at " + seconds(each.b)]
          .filter(Boolean)
          .join(" "),
      ),
      each.id,
      ms(each.l),
      each.new,
      each.setup ? ms(each.setup) : "",
      each.avoidable ? ms(each.avoidable) : "",
    ]),
  );
  if (data.invocations.length > costly.length)
    $("calls").append(
      el(
        "p",
        { class: "faint" },
        `${number(data.invocations.length - costly.length)} more that cost less`,
      ),
    );
}

function summaries() {
  grid(
    "destinations",
    [
      "Destination",
      "Connections",
      "Requests",
      "Set-up",
      "Avoidable",
      "Phases",
      "Idle when the server closed",
    ],
    data.destinations.map((each) => [
      each.name,
      each.connections,
      each.requests,
      ms(each.cost),
      each.avoidable ? ms(each.avoidable) : "",
      phaseStack(each),
      idleBars(each),
    ]),
  );
  grid(
    "causes",
    ["Cause", "Meaning", "Count", "Set-up", "Avoidable"],
    data.causes.map(([id, title, count, cost, saved]) => [
      id,
      title,
      count,
      ms(cost),
      saved ? ms(saved) : "",
    ]),
  );
  grid(
    "services",
    ["Service", "Connections", "Set-up", "Avoidable"],
    data.services.length > Math.max(1, data.functions.length)
      ? data.services.map(([name, count, cost, saved]) => [
          name,
          count,
          ms(cost),
          saved ? ms(saved) : "",
        ])
      : [],
  );
  calls();
  if (data.problemCount) {
    $("problems").hidden = false;
    $("problems").append(
      el("h2", {}, `${counted(data.problemCount, "problem")} while reading`),
      el("ul", {}, ...data.problems.map((text) => el("li", {}, text))),
    );
  }
}
