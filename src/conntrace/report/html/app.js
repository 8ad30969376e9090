// Keys, pointer, links, paper; puts everything together.

function keys(event) {
  const acts = {
    ArrowDown: () => step(fromTop(), 1),
    ArrowUp: () => step(fromTop(), -1),
    ArrowLeft: () => pan(-0.15),
    ArrowRight: () => pan(0.15),
    "+": () => zoom(0.5),
    "=": () => zoom(0.5),
    "-": () => zoom(2),
    0: reset,
    z: closeUp,
    Enter: () => panel.hidden || panel.querySelector("h3").focus(),
  };
  const act = event.ctrlKey || event.metaKey ? null : acts[event.key];
  if (act) {
    event.preventDefault();
    act();
  }
}

const fromTop = () => rows.flatMap((row) => row.lives || []);

function pointer() {
  let from = null,
    moved = false;
  canvas.addEventListener("pointerdown", (event) => {
    from = event.offsetX;
    if (event.offsetY < AXIS) brush = [from, from];
    moved = false;
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (from === null) {
      const [item] = hit(event.offsetX, event.offsetY);
      canvas.title = item ? `${nameOf(item)}: ${causeOf(item)} ${ms(costOf(item))}` : "";
      return;
    }
    if (Math.abs(event.offsetX - from) < 4 && !moved) return;
    moved = true;
    if (brush) {
      brush[1] = event.offsetX;
      draw();
      return;
    }
    pan((from - event.offsetX) / (width - LEFT - RIGHT));
    from = event.offsetX;
  });
  canvas.addEventListener("pointerup", (event) => {
    from = null;
    if (brush) {
      const [a, b] = brush;
      brush = null;
      if (moved) show(timeAt(Math.min(a, b)), timeAt(Math.max(a, b)));
      draw();
    } else if (!moved) choose(...hit(event.offsetX, event.offsetY));
  });
  canvas.addEventListener("pointercancel", () => {
    from = brush = null;
    draw();
  });
  canvas.addEventListener("dblclick", (event) => zoom(0.25, timeAt(event.offsetX)));
  lanes.addEventListener(
    "wheel",
    (event) => {
      if (event.ctrlKey) {
        event.preventDefault();
        zoom(event.deltaY > 0 ? 1.25 : 0.8, timeAt(event.offsetX));
      } else if (event.deltaX) pan(event.deltaX / width);
    },
    { passive: false },
  );
  lanes.addEventListener("scroll", draw);
  lanes.addEventListener("keydown", keys);
}

function follow() {
  const wanted = new URLSearchParams(location.hash.slice(1)).get("span");
  if (!wanted) return;
  const call = data.invocations.findIndex((each) => each.span === wanted);
  if (call >= 0) {
    invoke(String(call));
    return;
  }
  for (const item of items) {
    const request = item.i.indexOf(wanted);
    if (
      request >= 0 ||
      (item.s && item.s.i === wanted) ||
      item.c === wanted ||
      (item.h && item.h.some((each) => each[4] === wanted))
    ) {
      choose(item, request);
      reveal(item);
      return;
    }
  }
  $("live").textContent = "no such span in this report";
}

function start() {
  $("headline").textContent = data.headline;
  $("cost").textContent = data.cost;
  $("wait").textContent = data.wait;
  $("note").textContent = data.note;
  $("failed").append(...data.failed.map((text) => el("li", {}, text)));
  $("verdicts-section").hidden = !data.verdicts.length;
  $("footer").textContent =
    `conntrace ${data.version}` +
    (data.start ? ` · from ${data.start}` : "") +
    (data.repeated
      ? ` · ${counted(data.repeated, "span")} came more than once; each counts once`
      : "");
  document.title = "conntrace: " + (data.cost || data.headline);
  $("verdicts").append(...data.verdicts.slice(0, MOST_CARDS).map(card));
  if (data.verdicts.length > MOST_CARDS)
    $("verdicts-section").append(
      el(
        "p",
        { class: "faint" },
        `${counted(data.verdicts.length - MOST_CARDS, "more verdict")} that cost less`,
      ),
    );
  for (const id of ["picture", "scroll"]) if (!items.length) $(id).closest("section").hidden = true;
  tableHead();
  summaries();
  legend();
  controls();
  pointer();
  resize();
  reset();
  filter();
  sizeLanes();
  listeners.push(() => {
    showPanel();
    resize();
    layout();
    draw();
    showRow();
  });
  scroll.addEventListener("scroll", fill);
  scroll.addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by) {
      event.preventDefault();
      step(sorted, by);
    } else if (event.key === "Enter" && !panel.hidden) panel.querySelector("h3").focus();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && state.chosen) {
      choose(null);
      lanes.focus();
    }
  });
  new ResizeObserver(reachable).observe(document.body);
  new ResizeObserver(() => {
    resize();
    layout();
    draw();
  }).observe(lanes);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    resize();
    draw();
  });
  addEventListener("beforeprint", () => paper(true));
  addEventListener("afterprint", () => paper(false));
  addEventListener("hashchange", follow);
  reachable();
  follow();
  document.documentElement.dataset.ready = "yes";
}

// What scrolls sideways on a narrow screen can be scrolled by keyboard.
function reachable() {
  for (const node of document.querySelectorAll(".wide")) {
    if (node.scrollWidth > node.clientWidth) node.setAttribute("tabindex", "0");
    else node.removeAttribute("tabindex");
  }
}

// Paper is white, and nobody scrolls it.
let screen = null;

const PAPER_HEIGHT = 3000;
function paper(on) {
  const root = document.documentElement.dataset;
  if (on) {
    screen = { theme: root.theme, height: lanes.style.height };
    root.theme = "light";
    lanes.style.height = Math.min(total + 12, PAPER_HEIGHT) + "px";
    const missing = [
      total > PAPER_HEIGHT && "the lower part of the picture",
      sorted.length > PAPER_ROWS && counted(sorted.length - PAPER_ROWS, "row") + " of the table",
    ].filter(Boolean);
    $("cut").textContent = missing.length ? "Not on paper: " + missing.join(", ") + "." : "";
  } else if (screen) {
    if (screen.theme) root.theme = screen.theme;
    else delete root.theme;
    lanes.style.height = screen.height;
    screen = null;
    $("cut").textContent = "";
  }
  everything = on;
  fill();
  resize();
  layout();
  paint();
}

function sizeLanes() {
  if (total + 10 < height) {
    lanes.style.height = Math.max(120, total + 12) + "px";
    resize();
    layout();
    draw();
  }
}

start();
