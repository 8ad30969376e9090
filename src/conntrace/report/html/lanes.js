// Where each life stands, and which range of time is shown.

const lanes = $("lanes"),
  canvas = $("canvas"),
  ctx = canvas.getContext("2d");
const ROW = 22,
  HEAD = 24,
  AXIS = 26,
  LEFT = 10,
  RIGHT = 16,
  ROOMY = 40;
const whole = Math.max(0.001, data.length) * 1.01;

const view = { from: -whole * 0.01, to: whole };

let rows = [],
  place = new Map(),
  total = 0,
  width = 0,
  height = 0,
  colors = {};

function layout() {
  const groups = new Map();
  for (const item of visible) {
    const key = item.n ? [item.d, item.o, item.p].join() : "o" + item.o;
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(item);
  }
  rows = [];
  place = new Map();
  total = AXIS;
  const processOf = (item) => (item.n ? item.p : -1);
  const add = (row) => {
    row.y = total;
    total += row.head ? HEAD : ROW;
    rows.push(row);
  };
  for (const group of groups.values()) {
    const first = group[0],
      owner = first.o ? T[first.o] : "";
    const pools = new Set(group.map((item) => item.l || 0)).size,
      process = data.processes.length > 1 ? data.processes[first.p] : "";
    const title = first.n
      ? [hostOf(first), owner, process, pools > 1 ? counted(pools, "pool") : ""]
          .filter(Boolean)
          .join(" · ")
      : owner;
    const cost = group.reduce((sum, item) => sum + costOf(item), 0);
    add({
      head: true,
      text:
        title +
        " · " +
        (first.n ? counted(group.length, "connection") : number(group.length)) +
        " · " +
        ms(cost),
    });
    // Few lives: a row each. Many: a life goes into the first row that is free.
    const open = [];
    for (const item of group) {
      let at = group.length > ROOMY ? open.findIndex((row, i) => i < 400 && row.end < item.b) : -1;
      if (at < 0) {
        at = open.length;
        open.push({ lives: [], p: processOf(first) });
      }
      open[at].lives.push(item);
      open[at].end = Math.max(item.e, item.b);
    }
    for (const row of open) {
      add(row);
      for (const item of row.lives) place.set(item, row);
    }
  }
  $("height").style.height = Math.max(0, total - height + 8) + "px";
}

function resize() {
  width = lanes.clientWidth;
  height = lanes.clientHeight;
  const ratio = window.devicePixelRatio || 1;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  canvas.style.width = width + "px";
  canvas.style.height = height + "px";
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  const style = getComputedStyle(document.documentElement);
  for (const name of [
    "bg",
    "fg",
    "faint",
    "line",
    "soft",
    "accent",
    "bad",
    "life",
    "request",
    "band",
    "setup",
    ...Object.keys(PHASES),
  ])
    colors[name] = style.getPropertyValue("--" + name).trim();
}

const x = (time) => LEFT + ((time - view.from) / (view.to - view.from)) * (width - LEFT - RIGHT);
const timeAt = (px) => view.from + ((px - LEFT) / (width - LEFT - RIGHT)) * (view.to - view.from);

function zoom(factor, middle = (view.from + view.to) / 2) {
  const span = Math.min(whole * 1.2, Math.max(0.01, (view.to - view.from) * factor)),
    share = (middle - view.from) / (view.to - view.from);
  show(middle - share * span, middle + (1 - share) * span);
}

function show(from, to) {
  if (!(to > from)) return;
  view.from = from;
  view.to = to;
  $("from").value = +(Math.max(0, from) / 1000).toPrecision(6);
  $("to").value = +(to / 1000).toPrecision(6);
  draw();
}

function pan(share) {
  const by = (view.to - view.from) * share;
  show(view.from + by, view.to + by);
}

function reset() {
  show(-whole * 0.01, whole);
}

function closeUp() {
  const item = state.chosen,
    edge = item ? Math.max(1, item.e - item.b) * 0.1 : 0;
  if (item) show(item.b - edge, item.e + edge);
}

function reveal(item) {
  const row = place.get(item);
  if (!row) return;
  if (row.y - AXIS < lanes.scrollTop || row.y + ROW > lanes.scrollTop + height)
    lanes.scrollTop = row.y - height / 2;
  if (item.e < view.from || item.b > view.to) {
    const half = (view.to - view.from) / 2;
    show(item.b - half, item.b + half);
  }
  draw();
}

function hit(px, py) {
  const y = py + lanes.scrollTop,
    row = rows.find((each) => !each.head && y >= each.y && y < each.y + ROW);
  if (!row || py < AXIS) return [null, -1];
  let best = null,
    distance = 14;
  for (const item of row.lives) {
    const away = Math.max(x(item.b) - px, px - Math.max(x(item.e), x(item.b)), 0);
    if (away < distance) {
      best = item;
      distance = away;
    }
  }
  if (!best || (best.s && px <= x(best.s.b + best.s.l) + 2)) return [best, -1];
  for (let i = 0; i < best.r.length; i += 4)
    if (px >= x(best.r[i]) - 3 && px <= x(best.r[i] + best.r[i + 1]) + 3) return [best, i / 4];
  return [best, -1];
}
