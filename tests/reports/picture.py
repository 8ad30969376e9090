"""What the time line's canvas shows: where a moment is drawn, and which colours stand there."""

from __future__ import annotations

import json
from typing import Any

AXIS, HEAD, ROW, LEFT, RIGHT = 26, 24, 22, 10, 16
"""Sizes in lanes.js."""

# The picture is copied: Chromium warns of a canvas that is read often.
_COUNT = """([x, y, width, height, name]) => {
  const canvas = document.getElementById("canvas"), ratio = devicePixelRatio;
  const copy = document.createElement("canvas");
  copy.width = canvas.width; copy.height = canvas.height;
  const context = copy.getContext("2d", { willReadFrequently: true });
  const style = getComputedStyle(document.documentElement);
  context.fillStyle = style.getPropertyValue("--" + name).trim();
  context.fillRect(0, 0, 1, 1);
  const [r, g, b] = context.getImageData(0, 0, 1, 1).data;
  context.drawImage(canvas, 0, 0);
  const box = [x, y, width, height].map((each) => each * ratio);
  const seen = context.getImageData(...box).data;
  const differs = (i) => Math.abs(seen[i] - r) + Math.abs(seen[i + 1] - g) + Math.abs(seen[i + 2] - b);
  let found = 0;
  for (let i = 0; i < seen.length; i += 4) found += differs(i) < 24;
  return found;
}"""  # noqa: E501


class Picture:
    """The canvas of an opened page, seen from outside."""

    def __init__(self, page: Any) -> None:
        self.page = page
        # Two frames: what was asked for before is painted now.
        page.evaluate("new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))")
        self.data = json.loads(page.inner_text("#data"))
        self.width = page.locator("#lanes").evaluate("(node) => node.clientWidth")

    def x(self, at_s: float) -> float:
        """Where a moment stands while the whole is shown; seconds since the first span."""
        whole = self.data["length"] * 1.01
        share = (at_s * 1000 + whole * 0.01) / (whole * 1.01)
        return float(LEFT + share * (self.width - LEFT - RIGHT))

    def y(self, row: int, heads: int = 1) -> float:
        """The middle of a row; `heads` headings stand above it."""
        return AXIS + HEAD * heads + ROW * row + ROW / 2

    def count(self, color: str, x: float, y: float, width: float, height: float) -> int:
        """How many pixels of a box have a colour of the style (`fg`, `bad`, `faint` ...)."""
        box = [round(x), round(y), round(width), round(height), color]
        return int(self.page.evaluate(_COUNT, box))
