const lanes = $("lanes"), canvas = $("canvas"), ctx = canvas.getContext("2d");
const ROW = 22, HEAD = 24, AXIS = 26, LEFT = 10, RIGHT = 16, ROOMY = 40;
const whole = Math.max(0.001, data.length) * 1.01;
const view = { from: -whole * 0.01, to: whole };
let rows = [], place = new Map(), total = 0, width = 0, height = 0, colors = {};

function layout() {
  const groups = new Map();
  for (const item of visible) {
    const key = item.n ? [item.d, item.o, item.p].join() : "o" + item.o;
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(item);
  }
  rows = []; place = new Map(); total = AXIS;
  const processOf = (item) => (item.n ? item.p : -1);
  const add = (row) => { row.y = total; total += row.head ? HEAD : ROW; rows.push(row); };
  for (const group of groups.values()) {
    const first = group[0], owner = first.o ? T[first.o] : "";
    const pools = new Set(group.map((item) => item.l || 0)).size, process = data.processes.length > 1 ? data.processes[first.p] : "";
    const title = first.n ? [hostOf(first), owner, process, pools > 1 ? number(pools) + " pools" : ""].filter(Boolean).join(" · ") : owner;
    const cost = group.reduce((sum, item) => sum + costOf(item), 0);
    add({ head: true, text: title + " · " + number(group.length) + (!first.n ? " · " : group.length === 1 ? " connection · " : " connections · ") + ms(cost) });
    // Few lives: a row each. Many: a life goes into the first row that is free.
    const open = [];
    for (const item of group) {
      let at = group.length > ROOMY ? open.findIndex((row, i) => i < 400 && row.end < item.b) : -1;
      if (at < 0) { at = open.length; open.push({ lives: [], p: processOf(first) }); }
      open[at].lives.push(item);
      open[at].end = Math.max(item.e, item.b);
    }
    for (const row of open) { add(row); for (const item of row.lives) place.set(item, row); }
  }
  $("height").style.height = Math.max(0, total - height + 8) + "px";
}

function resize() {
  width = lanes.clientWidth; height = lanes.clientHeight;
  const ratio = window.devicePixelRatio || 1;
  canvas.width = width * ratio; canvas.height = height * ratio;
  canvas.style.width = width + "px"; canvas.style.height = height + "px";
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  const style = getComputedStyle(document.documentElement);
  for (const name of ["bg", "fg", "faint", "line", "soft", "accent", "bad", "life", "request", "band", "setup", ...Object.keys(PHASES)]) colors[name] = style.getPropertyValue("--" + name).trim();
}

const x = (time) => LEFT + ((time - view.from) / (view.to - view.from)) * (width - LEFT - RIGHT);
const timeAt = (px) => view.from + ((px - LEFT) / (width - LEFT - RIGHT)) * (view.to - view.from);
function line(x0, y0, x1, y1) { ctx.beginPath(); ctx.moveTo(x0, y0); ctx.lineTo(x1, y1); ctx.stroke(); }
function fit(text, room) {
  if (ctx.measureText(text).width <= room) return text;
  let low = 0, high = text.length;
  while (low < high) { const mid = (low + high + 1) >> 1; if (ctx.measureText(text.slice(0, mid) + "…").width <= room) low = mid; else high = mid - 1; }
  return low ? text.slice(0, low) + "…" : "";
}

let asked = false, busyTo = -99, brush = null;
function draw() { if (!asked) { asked = true; requestAnimationFrame(() => { asked = false; paint(); }); } }

function paint() {
  ctx.fillStyle = colors.bg; ctx.fillRect(0, 0, width, height);
  ctx.font = "12px system-ui, 'DejaVu Sans', sans-serif"; ctx.textBaseline = "middle"; ctx.lineWidth = 1;
  const top = lanes.scrollTop;
  data.invocations.forEach(callBar);
  ruler();
  ctx.save(); ctx.beginPath(); ctx.rect(0, AXIS, width, height); ctx.clip();
  const shown = rows.filter((row) => row.y - top > -ROW && row.y - top < height);
  for (const row of shown) if (row.head) head(row, row.y - top); else for (const index of callsOf.get(row.p) || []) band(index, row.y - top);
  for (const row of shown) if (!row.head) { busyTo = -99; for (const item of row.lives) life(item, row.y - top + ROW / 2); }
  arrows(top);
  ctx.restore();
  if (brush) { ctx.fillStyle = colors.accent; ctx.globalAlpha = 0.2; ctx.fillRect(Math.min(...brush), 0, Math.abs(brush[1] - brush[0]), height); ctx.globalAlpha = 1; }
}

// Invocations: a bar at the axis, and a pale band behind what their process does.
const callsOf = new Map();
data.invocations.forEach((each, index) => append(callsOf, each.process, index));
const extent = (each) => { const x0 = x(each.b), x1 = Math.max(x0 + 1, x(each.b + each.l)); return x1 < 0 || x0 > width ? null : [x0, x1 - x0]; };
const isChosen = (index) => state.invocation === String(index);
function callBar(each, index) {
  const at = extent(each), high = isChosen(index) ? 6 : 4;
  if (!at) return;
  ctx.fillStyle = isChosen(index) ? colors.accent : each.error ? colors.bad : colors.faint;
  ctx.fillRect(at[0], AXIS - high, at[1], high);
}
function band(index, y) {
  const at = extent(data.invocations[index]);
  if (!at) return;
  ctx.fillStyle = isChosen(index) ? colors.accent : colors.band;
  if (isChosen(index)) ctx.globalAlpha = 0.15;
  ctx.fillRect(at[0], y, at[1], ROW); ctx.globalAlpha = 1;
}

// Round times: decimal ones below ten seconds, those of a clock above.
const CLOCK = [10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400].map((s) => s * 1000);
function stepOf(rough) {
  const power = 10 ** Math.floor(Math.log10(rough));
  if (rough <= 5000) return [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough);
  return CLOCK.find((each) => each >= rough) || Math.ceil(rough / 86400000) * 86400000;
}

function ruler() {
  const step = stepOf((view.to - view.from) / Math.max(2, width / 110));
  ctx.strokeStyle = colors.line; ctx.fillStyle = colors.faint; ctx.textAlign = "left";
  for (let at = Math.max(0, Math.ceil(view.from / step)) * step; at <= view.to; at += step) {
    line(x(at), AXIS - 8, x(at), height);
    ctx.fillText(seconds(at, step), x(at) + 3, 11);
  }
  line(0, AXIS - 0.5, width, AXIS - 0.5);
}

function head(row, y) {
  ctx.fillStyle = colors.soft; ctx.fillRect(0, y, width, HEAD);
  ctx.fillStyle = colors.fg; ctx.textAlign = "left"; ctx.font = "600 12px system-ui, 'DejaVu Sans', sans-serif";
  ctx.fillText(fit(row.text, width - 20), LEFT, y + HEAD / 2);
  ctx.font = "12px system-ui, 'DejaVu Sans', sans-serif";
}

function life(item, y) {
  const x0 = x(item.b), x1 = Math.max(x(item.e), x0 + 2);
  if (x0 > width || x1 < -20 && !(item.g && x(item.g) > 0)) return;
  if (item === state.chosen) { ctx.fillStyle = colors.accent; ctx.globalAlpha = 0.08; ctx.fillRect(0, y - ROW / 2, width, ROW); ctx.globalAlpha = 1; ctx.strokeStyle = colors.accent; ctx.strokeRect(x0 - 5.5, y - 10.5, x1 - x0 + 18, 20); }
  ghost(item, y);
  ctx.strokeStyle = colors.life; ctx.lineWidth = 2; line(Math.max(-5, x0), y, Math.min(width + 5, x1), y); ctx.lineWidth = 1;
  for (const [from, to] of item.z || []) hatch(x(from), x(to), y);
  requests(item, y);
  setup(item, y, x0);
  end(item, y, x1);
  busyTo = x1;
}

function ghost(item, y) {
  if (!item.g) return;
  const at = x(item.g), from = item.r.length ? x(item.r[item.r.length - 4] + item.r[item.r.length - 3]) : at;
  if (at < 0 || at > width + 2000) return;
  ctx.strokeStyle = colors.faint; ctx.setLineDash([1, 3]); line(Math.round(Math.max(0, from)), y + 0.5, Math.min(at, width), y + 0.5); line(Math.round(at) + 0.5, y - 8, Math.round(at) + 0.5, y + 8); ctx.setLineDash([]);
}

function requests(item, y) {
  const r = item.r; let last = -9;
  for (let i = 0; i < r.length; i += 4) {
    const served = item.s ? Math.max(r[i], Math.min(item.s.b + item.s.l, r[i] + r[i + 1])) : r[i];
    const a = x(served), b = x(r[i] + r[i + 1]);
    if (b < 0 || a > width) continue;
    if (b < last + 0.6) continue;
    ctx.fillStyle = item === state.chosen && state.request === i / 4 ? colors.accent : colors.request;
    ctx.fillRect(a, y - 4, Math.max(1.6, b - a), 8);
    last = Math.max(a + 1.6, b);
  }
}

function hatch(a, b, y) {
  if (b < 0 || a > width || b - a < 1) return;
  ctx.fillStyle = colors.bg; ctx.fillRect(Math.max(a, -10), y - 5, Math.min(b, width + 10) - Math.max(a, -10), 10);
  ctx.strokeStyle = colors.faint;
  for (let at = Math.max(a, -10); at < Math.min(b, width + 10); at += 5) line(at, y + 5, at + 5, y - 5);
}

function setup(item, y, x0) {
  const s = item.s;
  if (item.y) fork(s ? x(s.b) : x0, y);
  if (!s) { ctx.fillStyle = colors.life; ctx.fillText("◂", x0 - 4, y); return; }
  const a = x(s.b), b = Math.max(x(s.b + s.l), a + 4);
  ctx.fillStyle = colors.setup; ctx.fillRect(a, y - 6, b - a, 12);
  for (const [phase, begin, length] of item.h) {
    const p = x(begin), w = x(begin + length) - p;
    if (w < 0.5) continue;
    ctx.fillStyle = colors[phase]; ctx.fillRect(p, y - 6, w, 12);
    if (w > 12) { ctx.fillStyle = phase === "connect" || phase === "proxy" ? "#111" : colors.bg; ctx.textAlign = "center"; ctx.fillText(fit(w > 76 ? PHASES[phase][0] : PHASES[phase][1], w), p + w / 2, y + 0.5); ctx.textAlign = "left"; }
  }
  ctx.strokeStyle = s.a ? colors.bad : colors.fg; ctx.strokeRect(Math.round(a) - 0.5, y - 6.5, b - a + 1, 13);
  if ((s.a || s.v) && a - busyTo > 20) flag(item.y ? a - 11 : a, y, s);
}

function fork(at, y) {
  ctx.strokeStyle = colors.accent; ctx.lineWidth = 2;
  line(at - 6, y + 7, at - 6, y); line(at - 6, y, at - 10, y - 6); line(at - 6, y, at - 2, y - 6); ctx.lineWidth = 1;
}

// The verdict's number stands at the set-up; a filled flag says that it was avoidable.
function flag(at, y, s) {
  ctx.fillStyle = s.a ? colors.bad : colors.faint;
  const text = (s.a ? "!" : "") + (s.v || "");
  ctx.textAlign = "right"; ctx.font = "700 10px system-ui, 'DejaVu Sans', sans-serif"; ctx.fillText(text, at - 3, y);
  ctx.textAlign = "left"; ctx.font = "12px system-ui, 'DejaVu Sans', sans-serif";
}

function end(item, y, at) {
  ctx.strokeStyle = ctx.fillStyle = ["evicted", "failed", "leaked"].includes(item.x) ? colors.bad : colors.fg;
  ctx.lineWidth = 2;
  if (item.x === "server" || item.x === "failed") { line(at - 4, y - 4, at + 4, y + 4); line(at - 4, y + 4, at + 4, y - 4); }
  else if (item.x === "client") line(at, y - 6, at, y + 6);
  else if (item.x === "evicted") { ctx.beginPath(); ctx.moveTo(at, y - 6); ctx.lineTo(at + 6, y + 5); ctx.lineTo(at - 6, y + 5); ctx.fill(); }
  else if (item.x === "leaked") { ctx.beginPath(); ctx.arc(at + 3, y, 4.5, 0, 7); ctx.fillStyle = colors.bg; ctx.fill(); ctx.stroke(); }
  else if (item.x === "open") { line(at, y, at + 8, y); line(at + 4, y - 4, at + 8, y); line(at + 4, y + 4, at + 8, y); }
  ctx.lineWidth = 1;
}

function arrows(top) {
  for (const [kind, one, other] of data.arrows) {
    const from = byNumber.get(one), to = byNumber.get(other), a = place.get(from), b = place.get(to);
    if (!a || !b) continue;
    const y0 = a.y - top + ROW / 2, y1 = b.y - top + ROW / 2;
    if (Math.max(y0, y1) < 0 || Math.min(y0, y1) > height) continue;
    const strong = state.chosen === from || state.chosen === to;
    ctx.strokeStyle = ctx.fillStyle = kind === "evicted" ? colors.bad : kind === "fork" ? colors.accent : colors.fg;
    ctx.globalAlpha = strong ? 1 : 0.38; ctx.lineWidth = strong ? 2 : 1;
    if (kind === "evicted") evicted(x(from.b), y0, x(to.e), y1);
    else successor(x(kind === "fork" ? Math.max(from.b, Math.min(from.e, to.b)) : from.e), y0, x(to.s ? to.s.b : to.b), y1, kind);
    ctx.globalAlpha = 1; ctx.lineWidth = 1; ctx.setLineDash([]);
  }
}
// From the set-up of the evictor to the end of its victim.
function evicted(x0, y0, x1, y1) {
  const up = y1 < y0 ? 1 : -1;
  ctx.beginPath(); ctx.moveTo(x0, y0 - up * 7); ctx.bezierCurveTo(x0 - 4, y0 - up * 30, x1 + 22, y1 + up * 30, x1 + 1, y1 + up * 9); ctx.stroke();
  ctx.beginPath(); ctx.moveTo(x1, y1 + up * 7); ctx.lineTo(x1 + 7, y1 + up * 12); ctx.lineTo(x1 + 1, y1 + up * 15); ctx.fill();
}
// From a lost connection's end (dashed: from the parent's life) to the set-up of the next one.
function successor(x0, y0, x1, y1, kind) {
  const down = y1 > y0 ? 1 : -1, gap = 8 * down, side = x1 - 1;
  ctx.setLineDash(kind === "fork" ? [2, 3] : [5, 3]);
  ctx.beginPath(); ctx.moveTo(x0, y0 + gap); ctx.bezierCurveTo(x0, (y0 + y1) / 2, side, (y0 + y1) / 2, side, y1 - gap - 4 * down); ctx.stroke(); ctx.setLineDash([]);
  ctx.beginPath(); ctx.moveTo(side, y1 - gap + down); ctx.lineTo(side - 4, y1 - gap - 6 * down); ctx.lineTo(side + 4, y1 - gap - 6 * down); ctx.fill();
}

function zoom(factor, middle = (view.from + view.to) / 2) {
  const span = Math.min(whole * 1.2, Math.max(0.01, (view.to - view.from) * factor)), share = (middle - view.from) / (view.to - view.from);
  show(middle - share * span, middle + (1 - share) * span);
}
function show(from, to) {
  if (!(to > from)) return;
  view.from = from; view.to = to;
  $("from").value = +(Math.max(0, from) / 1000).toPrecision(6); $("to").value = +(to / 1000).toPrecision(6);
  draw();
}
function pan(share) { const by = (view.to - view.from) * share; show(view.from + by, view.to + by); }
function reset() { show(-whole * 0.01, whole); }
function closeUp() { const item = state.chosen, edge = item ? Math.max(1, item.e - item.b) * 0.1 : 0; if (item) show(item.b - edge, item.e + edge); }
function reveal(item) {
  const row = place.get(item);
  if (!row) return;
  if (row.y - AXIS < lanes.scrollTop || row.y + ROW > lanes.scrollTop + height) lanes.scrollTop = row.y - height / 2;
  if (item.e < view.from || item.b > view.to) { const half = (view.to - view.from) / 2; show(item.b - half, item.b + half); }
  draw();
}
function hit(px, py) {
  const y = py + lanes.scrollTop, row = rows.find((each) => !each.head && y >= each.y && y < each.y + ROW);
  if (!row || py < AXIS) return [null, -1];
  let best = null, distance = 14;
  for (const item of row.lives) {
    const away = Math.max(x(item.b) - px, px - Math.max(x(item.e), x(item.b)), 0);
    if (away < distance) { best = item; distance = away; }
  }
  if (!best || (best.s && px <= x(best.s.b + best.s.l) + 2)) return [best, -1];
  for (let i = 0; i < best.r.length; i += 4) if (px >= x(best.r[i]) - 3 && px <= x(best.r[i] + best.r[i + 1]) + 3) return [best, i / 4];
  return [best, -1];
}
