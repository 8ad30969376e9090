const COLUMNS = [
  ["#", 6, (i) => i.n, (i) => (i.n ? "#" + i.n : "–"), "num"],
  ["Destination", 20, hostOf, hostOf, ""],
  ["Cause", 20, causeOf, causeOf, ""],
  ["Set-up", 9, costOf, (i) => (i.s ? ms(i.s.l) : ""), "num"],
  [
    "Avoidable",
    10,
    (i) => (i.s && i.s.a ? i.s.l : 0),
    (i) => (i.s && i.s.a ? "yes" + (i.s.v ? ", " + i.s.v : "") : ""),
    "",
  ],
  ["Start", 9, (i) => i.b, (i) => seconds(i.b), "num"],
  ["Requests", 9, (i) => i.q, (i) => (i.n ? number(i.q) : ""), "num"],
  ["End", 17, (i) => T[i.w], (i) => T[i.w], ""],
];
const LINE = 27,
  scroll = $("scroll"),
  body = $("table").tBodies[0];
let sorted = [],
  order = { column: 5, down: false },
  everything = false;

function tableHead() {
  const row = el("tr");
  COLUMNS.forEach(([title, share, , , kind], index) => {
    const sort = () => {
      order = {
        column: index,
        down: order.column === index ? !order.down : index === 3 || index === 4 || index === 6,
      };
      sortRows();
    };
    const cell = el(
      "th",
      { scope: "col", class: kind },
      el("button", { type: "button", onclick: sort }, title),
    );
    cell.style.width = share + "%";
    row.append(cell);
  });
  $("table").tHead.append(row);
}

function sortRows() {
  const value = COLUMNS[order.column][2],
    sign = order.down ? -1 : 1;
  sorted = visible.slice().sort((a, b) => {
    const p = value(a),
      q = value(b);
    return p < q ? -sign : p > q ? sign : a.k - b.k;
  });
  [...$("table").tHead.rows[0].cells].forEach((cell, index) =>
    cell.setAttribute(
      "aria-sort",
      index === order.column ? (order.down ? "descending" : "ascending") : "none",
    ),
  );
  $("table").setAttribute("aria-rowcount", sorted.length + 1);
  fill();
}

const PAPER_ROWS = 300;
let filled = [];

function fill() {
  const first = everything ? 0 : Math.max(0, Math.floor(scroll.scrollTop / LINE) - 8);
  const last = everything
    ? Math.min(sorted.length, PAPER_ROWS)
    : Math.min(sorted.length, first + Math.ceil(scroll.clientHeight / LINE) + 16);
  // A row that is replaced between press and release loses the click.
  const wanted = [first, last, sorted, state.chosen, everything];
  if (wanted.every((each, index) => each === filled[index])) return;
  filled = wanted;
  const gap = (lines) => {
    const cell = el("td", { colspan: COLUMNS.length });
    cell.style.height = lines * LINE + "px";
    return el("tr", { class: "gap", "aria-hidden": "true" }, cell);
  };
  const made = [];
  if (first) made.push(gap(first));
  for (let at = first; at < last; at++) {
    const item = sorted[at];
    const row = el("tr", {
      "aria-rowindex": at + 2,
      "aria-selected": item === state.chosen,
      onclick: () => {
        choose(item);
        reveal(item);
      },
    });
    for (const [, , , text, kind] of COLUMNS)
      row.append(el("td", { class: kind, title: text(item) }, text(item)));
    made.push(row);
  }
  if (last < sorted.length && !everything) made.push(gap(sorted.length - last));
  body.replaceChildren(...made);
}

function step(list, by) {
  const at = list.indexOf(state.chosen),
    next = list[Math.min(list.length - 1, Math.max(0, at < 0 ? 0 : at + by))];
  if (next) {
    choose(next);
    reveal(next);
  }
}
function showRow() {
  const at = sorted.indexOf(state.chosen);
  if (
    at >= 0 &&
    (at * LINE < scroll.scrollTop || (at + 2) * LINE > scroll.scrollTop + scroll.clientHeight)
  )
    scroll.scrollTop = (at - 3) * LINE;
  fill();
}
