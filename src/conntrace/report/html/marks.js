// One life: set-up, requests, idle and frozen stretches, its end, and arrows between lives.

function life(item, y) {
  const x0 = x(item.b),
    x1 = Math.max(x(item.e), x0 + 2);
  if (x0 > width || (x1 < -20 && !(item.g && x(item.g) > 0))) return;
  if (item === state.chosen) {
    ctx.fillStyle = colors.accent;
    ctx.globalAlpha = 0.08;
    ctx.fillRect(0, y - ROW / 2, width, ROW);
    ctx.globalAlpha = 1;
    ctx.strokeStyle = colors.accent;
    ctx.strokeRect(x0 - 5.5, y - 10.5, x1 - x0 + 18, 20);
  }
  ghost(item, y);
  ctx.strokeStyle = colors.life;
  ctx.lineWidth = 2;
  line(Math.max(-5, x0), y, Math.min(width + 5, x1), y);
  ctx.lineWidth = 1;
  for (const [from, to] of item.z || []) hatch(x(from), x(to), y);
  requests(item, y);
  setup(item, y, x0);
  end(item, y, x1);
  busyTo = x1;
}

function ghost(item, y) {
  if (!item.g) return;
  const at = x(item.g),
    from = item.r.length ? x(item.r[item.r.length - 4] + item.r[item.r.length - 3]) : at;
  if (at < 0 || at > width + 2000) return;
  ctx.strokeStyle = colors.faint;
  ctx.setLineDash([1, 3]);
  line(Math.round(Math.max(0, from)), y + 0.5, Math.min(at, width), y + 0.5);
  line(Math.round(at) + 0.5, y - 8, Math.round(at) + 0.5, y + 8);
  ctx.setLineDash([]);
}

function requests(item, y) {
  const r = item.r;
  let last = -9;
  for (let i = 0; i < r.length; i += 4) {
    const served = item.s ? Math.max(r[i], Math.min(item.s.b + item.s.l, r[i] + r[i + 1])) : r[i];
    const a = x(served),
      b = x(r[i] + r[i + 1]);
    if (b < 0 || a > width) continue;
    if (b < last + 0.6) continue;
    ctx.fillStyle =
      item === state.chosen && state.request === i / 4 ? colors.accent : colors.request;
    ctx.fillRect(a, y - 4, Math.max(1.6, b - a), 8);
    last = Math.max(a + 1.6, b);
  }
}

function hatch(a, b, y) {
  if (b < 0 || a > width || b - a < 1) return;
  ctx.fillStyle = colors.bg;
  ctx.fillRect(Math.max(a, -10), y - 5, Math.min(b, width + 10) - Math.max(a, -10), 10);
  ctx.strokeStyle = colors.faint;
  for (let at = Math.max(a, -10); at < Math.min(b, width + 10); at += 5)
    line(at, y + 5, at + 5, y - 5);
}

function setup(item, y, x0) {
  const s = item.s;
  if (item.y) fork(s ? x(s.b) : x0, y);
  if (!s) {
    ctx.fillStyle = colors.life;
    ctx.fillText("◂", x0 - 4, y);
    return;
  }
  const a = x(s.b),
    b = Math.max(x(s.b + s.l), a + 4);
  ctx.fillStyle = colors.setup;
  ctx.fillRect(a, y - 6, b - a, 12);
  for (const [phase, begin, length] of item.h) {
    const p = x(begin),
      w = x(begin + length) - p;
    if (w < 0.5) continue;
    ctx.fillStyle = colors[phase];
    ctx.fillRect(p, y - 6, w, 12);
    if (w > 12) {
      ctx.fillStyle = phase === "connect" || phase === "proxy" ? "#111" : colors.bg;
      ctx.textAlign = "center";
      ctx.fillText(fit(w > 76 ? PHASES[phase][0] : PHASES[phase][1], w), p + w / 2, y + 0.5);
      ctx.textAlign = "left";
    }
  }
  ctx.strokeStyle = s.a ? colors.bad : colors.fg;
  ctx.strokeRect(Math.round(a) - 0.5, y - 6.5, b - a + 1, 13);
  if ((s.a || s.v) && a - busyTo > 20) flag(item.y ? a - 11 : a, y, s);
}

function fork(at, y) {
  ctx.strokeStyle = colors.accent;
  ctx.lineWidth = 2;
  line(at - 6, y + 7, at - 6, y);
  line(at - 6, y, at - 10, y - 6);
  line(at - 6, y, at - 2, y - 6);
  ctx.lineWidth = 1;
}

// The verdict's number stands at the set-up; a filled flag says that it was avoidable.
function flag(at, y, s) {
  ctx.fillStyle = s.a ? colors.bad : colors.faint;
  const text = (s.a ? "!" : "") + (s.v || "");
  ctx.textAlign = "right";
  ctx.font = "700 10px system-ui, 'DejaVu Sans', sans-serif";
  ctx.fillText(text, at - 3, y);
  ctx.textAlign = "left";
  ctx.font = "12px system-ui, 'DejaVu Sans', sans-serif";
}

function end(item, y, at) {
  ctx.strokeStyle = ctx.fillStyle = ["evicted", "failed", "leaked"].includes(item.x)
    ? colors.bad
    : colors.fg;
  ctx.lineWidth = 2;
  if (item.x === "server" || item.x === "failed") {
    line(at - 4, y - 4, at + 4, y + 4);
    line(at - 4, y + 4, at + 4, y - 4);
  } else if (item.x === "client") line(at, y - 6, at, y + 6);
  else if (item.x === "evicted") {
    ctx.beginPath();
    ctx.moveTo(at, y - 6);
    ctx.lineTo(at + 6, y + 5);
    ctx.lineTo(at - 6, y + 5);
    ctx.fill();
  } else if (item.x === "leaked") {
    ctx.beginPath();
    ctx.arc(at + 3, y, 4.5, 0, 7);
    ctx.fillStyle = colors.bg;
    ctx.fill();
    ctx.stroke();
  } else if (item.x === "open") {
    line(at, y, at + 8, y);
    line(at + 4, y - 4, at + 8, y);
    line(at + 4, y + 4, at + 8, y);
  }
  ctx.lineWidth = 1;
}

function arrows(top) {
  for (const [kind, one, other] of data.arrows) {
    const from = byNumber.get(one),
      to = byNumber.get(other),
      a = place.get(from),
      b = place.get(to);
    if (!a || !b) continue;
    const y0 = a.y - top + ROW / 2,
      y1 = b.y - top + ROW / 2;
    if (Math.max(y0, y1) < 0 || Math.min(y0, y1) > height) continue;
    const strong = state.chosen === from || state.chosen === to;
    ctx.strokeStyle = ctx.fillStyle =
      kind === "evicted" ? colors.bad : kind === "fork" ? colors.accent : colors.fg;
    ctx.globalAlpha = strong ? 1 : 0.38;
    ctx.lineWidth = strong ? 2 : 1;
    if (kind === "evicted") evicted(x(from.b), y0, x(to.e), y1);
    else
      successor(
        x(kind === "fork" ? Math.max(from.b, Math.min(from.e, to.b)) : from.e),
        y0,
        x(to.s ? to.s.b : to.b),
        y1,
        kind,
      );
    ctx.globalAlpha = 1;
    ctx.lineWidth = 1;
    ctx.setLineDash([]);
  }
}

// From the set-up of the evictor to the end of its victim.
function evicted(x0, y0, x1, y1) {
  const up = y1 < y0 ? 1 : -1;
  ctx.beginPath();
  ctx.moveTo(x0, y0 - up * 7);
  ctx.bezierCurveTo(x0 - 4, y0 - up * 30, x1 + 22, y1 + up * 30, x1 + 1, y1 + up * 9);
  ctx.stroke();
  ctx.beginPath();
  ctx.moveTo(x1, y1 + up * 7);
  ctx.lineTo(x1 + 7, y1 + up * 12);
  ctx.lineTo(x1 + 1, y1 + up * 15);
  ctx.fill();
}

// From a lost connection's end (dashed: from the parent's life) to the set-up of the next one.
function successor(x0, y0, x1, y1, kind) {
  const down = y1 > y0 ? 1 : -1,
    gap = 8 * down,
    side = x1 - 1;
  ctx.setLineDash(kind === "fork" ? [2, 3] : [5, 3]);
  ctx.beginPath();
  ctx.moveTo(x0, y0 + gap);
  ctx.bezierCurveTo(x0, (y0 + y1) / 2, side, (y0 + y1) / 2, side, y1 - gap - 4 * down);
  ctx.stroke();
  ctx.setLineDash([]);
  ctx.beginPath();
  ctx.moveTo(side, y1 - gap + down);
  ctx.lineTo(side - 4, y1 - gap - 6 * down);
  ctx.lineTo(side + 4, y1 - gap - 6 * down);
  ctx.fill();
}
