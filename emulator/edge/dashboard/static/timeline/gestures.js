// What pointers, wheels and keys do to the lanes.

const WHEEL = 0.0018;
const STEP = 1.35;

export function listen(view) {
  new ResizeObserver(() => view.resize()).observe(view.scroller);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => view.resize());
  view.scroller.addEventListener("scroll", () => {
    if (view.live && view.scroller.scrollTop > 4) {
      view.live = false;
      view.on.moved?.();
    }
    view.paintSoon();
  });
  view.canvas.addEventListener("wheel", (event) => wheel(view, event), { passive: false });
  view.axis.addEventListener("wheel", (event) => wheel(view, event, true), { passive: false });
  view.canvas.addEventListener("keydown", (event) => key(view, event));
  listenToPointer(view);
  listenToAxis(view);
  if (view.overview) listenToOverview(view);
}

function wheel(view, event, always = false) {
  const across = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
  const fits = view.spacer.offsetHeight <= view.height + 1;
  if (event.ctrlKey || event.metaKey || ((always || fits) && !event.shiftKey && Math.abs(event.deltaY) > Math.abs(event.deltaX))) {
    event.preventDefault();
    const x = event.offsetX - view.gutter;
    view.zoom(Math.exp(event.deltaY * (event.ctrlKey ? WHEEL * 4 : WHEEL)), x);
  } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
    event.preventDefault();
    view.move(view.scale.panned(across));
  }
}

export function key(view, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const wide = view.plotWidth / 5;
  const shift = event.shiftKey;
  const acts = {
    "+": () => view.zoom(1 / STEP), "=": () => view.zoom(1 / STEP), "-": () => view.zoom(STEP),
    f: () => view.showAll(), Home: () => view.move(view.scale.panned(view.scale.x(view.bounds.from) - 10)),
    End: () => view.goLive(), l: () => view.goLive(),
    ArrowLeft: () => (shift || !view.selected ? view.move(view.scale.panned(-wide)) : view.step(0, -1)),
    ArrowRight: () => (shift || !view.selected ? view.move(view.scale.panned(wide)) : view.step(0, 1)),
    ArrowUp: () => view.step(-1, 0), ArrowDown: () => view.step(1, 0),
    Enter: () => view.selected?.invocation && view.on.open?.(view.selected.invocation),
    Escape: () => { view.select(null); view.on.left?.(); },
  };
  const act = acts[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

function listenToPointer(view) {
  const { canvas } = view;
  const pointers = new Map();
  let pressed = null;
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return { x: event.clientX - box.left - view.gutter, y: event.clientY - box.top };
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    pointers.set(event.pointerId, place(event));
    pressed = { ...place(event), scale: view.scale, touch: event.pointerType === "touch", moved: false };
    if (event.pointerType !== "touch") canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    const at = place(event);
    if (pointers.size === 2 && pointers.has(event.pointerId)) {
      pinch(view, pointers, event.pointerId, at);
      if (pressed) pressed.moved = true;
      return;
    }
    if (!pressed) return view.hover(at, event);
    if (Math.abs(at.x - pressed.x) < 5 && !pressed.moved) return;
    pressed.moved = true;
    if (pressed.touch) {
      view.move(pressed.scale.panned(pressed.x - at.x));
    } else {
      view.range = { from: Math.max(0, pressed.x), to: at.x };
      view.on.hover?.(null);
      view.paintSoon();
    }
  });
  const release = (event) => {
    pointers.delete(event.pointerId);
    if (!pressed) return;
    const { range } = view;
    const was = pressed;
    pressed = null;
    view.range = null;
    if (event.type === "pointercancel") return view.paintSoon();
    if (!was.moved) return view.click(place(event));
    if (range) {
      const times = [view.scale.time(range.from), view.scale.time(range.to)].sort((a, b) => a - b);
      view.showWindow(...times);
    }
    view.paintSoon();
  };
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
  canvas.addEventListener("pointerleave", () => {
    view.cursorX = null;
    view.hovered = null;
    view.on.hover?.(null);
    view.paintSoon();
  });
  canvas.addEventListener("dblclick", (event) => view.zoom(1 / (STEP * STEP), place(event).x));
}

function pinch(view, pointers, id, at) {
  const [a, b] = [...pointers.values()];
  const before = Math.abs(a.x - b.x);
  const middle = (a.x + b.x) / 2;
  pointers.set(id, at);
  const [c, d] = [...pointers.values()];
  const after = Math.abs(c.x - d.x);
  if (before > 10 && after > 10) view.move(view.scale.zoomed(before / after, middle));
}

function listenToAxis(view) {
  let from = null;
  view.axis.addEventListener("pointerdown", (event) => {
    from = { x: event.clientX, scale: view.scale };
    view.axis.setPointerCapture(event.pointerId);
  });
  view.axis.addEventListener("pointermove", (event) => {
    if (from) view.move(from.scale.panned(from.x - event.clientX));
  });
  for (const name of ["pointerup", "pointercancel"]) view.axis.addEventListener(name, () => (from = null));
}

function listenToOverview(view) {
  let held = null;
  const { overview } = view;
  const time = (event) => view.overviewScale.time(event.clientX - overview.getBoundingClientRect().left - view.gutter);
  const centre = (at) => view.move(view.scale.panned(view.scale.x(at) - view.plotWidth / 2));
  overview.addEventListener("pointerdown", (event) => {
    const at = time(event);
    const { from, to } = view.window;
    if (at < from || at > to) centre(at);
    held = view.scale.x(at);
    overview.setPointerCapture(event.pointerId);
  });
  overview.addEventListener("pointermove", (event) => {
    if (held !== null) view.move(view.scale.panned(view.scale.x(time(event)) - held));
  });
  for (const name of ["pointerup", "pointercancel"]) overview.addEventListener(name, () => (held = null));
  overview.addEventListener("wheel", (event) => {
    event.preventDefault();
    view.zoom(Math.exp(event.deltaY * WHEEL), view.scale.x(time(event)));
  }, { passive: false });
  overview.addEventListener("dblclick", () => view.showAll());
}
