// The picture: bands of invocations, the axis, headings; marks.js draws the lives.

let asked = false,
  busyTo = -99,
  brush = null;
function draw() {
  if (!asked) {
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      paint();
    });
  }
}

function paint() {
  ctx.fillStyle = colors.bg;
  ctx.fillRect(0, 0, width, height);
  ctx.font = "12px system-ui, 'DejaVu Sans', sans-serif";
  ctx.textBaseline = "middle";
  ctx.lineWidth = 1;
  const top = lanes.scrollTop;
  data.invocations.forEach(callBar);
  ruler();
  ctx.save();
  ctx.beginPath();
  ctx.rect(0, AXIS, width, height);
  ctx.clip();
  const shown = rows.filter((row) => row.y - top > -ROW && row.y - top < height);
  for (const row of shown)
    if (row.head) head(row, row.y - top);
    else for (const index of callsOf.get(row.p) || []) band(index, row.y - top);
  for (const row of shown)
    if (!row.head) {
      busyTo = -99;
      for (const item of row.lives) life(item, row.y - top + ROW / 2);
    }
  arrows(top);
  ctx.restore();
  if (brush) {
    ctx.fillStyle = colors.accent;
    ctx.globalAlpha = 0.2;
    ctx.fillRect(Math.min(...brush), 0, Math.abs(brush[1] - brush[0]), height);
    ctx.globalAlpha = 1;
  }
}

function line(x0, y0, x1, y1) {
  ctx.beginPath();
  ctx.moveTo(x0, y0);
  ctx.lineTo(x1, y1);
  ctx.stroke();
}

function fit(text, room) {
  if (ctx.measureText(text).width <= room) return text;
  let low = 0,
    high = text.length;
  while (low < high) {
    const mid = (low + high + 1) >> 1;
    if (ctx.measureText(text.slice(0, mid) + "…").width <= room) low = mid;
    else high = mid - 1;
  }
  return low ? text.slice(0, low) + "…" : "";
}

// Invocations: a bar at the axis, and a pale band behind what their process does.
const callsOf = new Map();
data.invocations.forEach((each, index) => append(callsOf, each.process, index));

const extent = (each) => {
  const x0 = x(each.b),
    x1 = Math.max(x0 + 1, x(each.b + each.l));
  return x1 < 0 || x0 > width ? null : [x0, x1 - x0];
};

const isChosen = (index) => state.invocation === String(index);

function callBar(each, index) {
  const at = extent(each),
    high = isChosen(index) ? 6 : 4;
  if (!at) return;
  ctx.fillStyle = isChosen(index) ? colors.accent : each.error ? colors.bad : colors.faint;
  ctx.fillRect(at[0], AXIS - high, at[1], high);
}

function band(index, y) {
  const at = extent(data.invocations[index]);
  if (!at) return;
  ctx.fillStyle = isChosen(index) ? colors.accent : colors.band;
  if (isChosen(index)) ctx.globalAlpha = 0.15;
  ctx.fillRect(at[0], y, at[1], ROW);
  ctx.globalAlpha = 1;
}

// Round times: decimal ones below ten seconds, those of a clock above.
const CLOCK = [10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400].map(
  (s) => s * 1000,
);

function stepOf(rough) {
  const power = 10 ** Math.floor(Math.log10(rough));
  if (rough <= 5000) return [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough);
  return CLOCK.find((each) => each >= rough) || Math.ceil(rough / 86400000) * 86400000;
}

function ruler() {
  const step = stepOf((view.to - view.from) / Math.max(2, width / 110));
  ctx.strokeStyle = colors.line;
  ctx.fillStyle = colors.faint;
  ctx.textAlign = "left";
  for (let at = Math.max(0, Math.ceil(view.from / step)) * step; at <= view.to; at += step) {
    line(x(at), AXIS - 8, x(at), height);
    const words = seconds(at, step);
    if (x(at) + 3 + ctx.measureText(words).width < width) ctx.fillText(words, x(at) + 3, 11);
  }
  line(0, AXIS - 0.5, width, AXIS - 0.5);
}

function head(row, y) {
  ctx.fillStyle = colors.soft;
  ctx.fillRect(0, y, width, HEAD);
  ctx.fillStyle = colors.fg;
  ctx.textAlign = "left";
  ctx.font = "600 12px system-ui, 'DejaVu Sans', sans-serif";
  ctx.fillText(fit(row.text, width - 20), LEFT, y + HEAD / 2);
  ctx.font = "12px system-ui, 'DejaVu Sans', sans-serif";
}
