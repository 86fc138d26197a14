// The lanes on the page: zooming, moving, pointing, choosing. What there is comes by show().

import { AXIS_PX, countColumns, paintAxis, paintOverview } from "./axis.js";
import { listen } from "./gestures.js";
import { hit, layout } from "./layout.js";
import { busyOf } from "./model.js";
import { paintLanes, themeOf } from "./painter.js";
import { Scale, findFolds, joined } from "./scale.js";

export class LaneView {
  // root: an element with canvases .axis, .rows (in .scroller) and, perhaps, .overview.
  // on: {open(invocation), hover(hit, x, y), moved(), left(), chosen(bar)}
  constructor(root, on) {
    this.root = root;
    this.on = on;
    this.axis = root.querySelector("canvas.axis");
    this.canvas = root.querySelector("canvas.rows");
    this.scroller = root.querySelector(".scroller");
    this.spacer = root.querySelector(".spacer");
    this.overview = root.querySelector("canvas.overview");
    this.groups = [];
    this.rows = [];
    this.busy = [];
    this.ended = [];
    this.open = [];
    this.bounds = { from: 0, to: 1 };
    this.least = null;
    this.fit = true;
    this.live = false;
    this.now = 0;
    this.relativeTo = null;
    this.cursorX = null;
    this.range = null;
    this.hovered = null;
    this.selected = null;
    this.selectedLane = null;
    this.scale = new Scale(0);
    this.frames = [];
    listen(this);
    this.resize();
  }

  // --- what is shown -----------------------------------------------------------------------------

  show(groups, bounds, now) {
    this.groups = groups;
    this.now = now;
    this.bounds = bounds;
    this.busy = busyOf(groups);
    this.shown = (this.shown ?? 0) + 1;
    this.open = [];
    for (const group of groups) {
      for (const lane of group.lanes) {
        for (const bar of lane.bars) if (bar.open) this.open.push(bar);
        for (const each of lane.waits) if (each.invocation.started === null) this.open.push(each);
      }
      this.open.push(...group.waiting);
    }
    const running = new Set(this.open);
    this.ended = joined(this.busy.filter((each) => !running.has(each)));
    const { rows, height } = layout(groups, this.height);
    this.rows = rows;
    this.spacer.style.height = `${height}px`;
    this.selected = this.found(this.selected);
    this.rescale();
  }

  // The bar of the same invocation, in what is shown now.
  found(bar) {
    if (!bar?.invocation) return null;
    for (const row of this.rows) {
      if (row.lane?.id !== bar.lane.id) continue;
      return row.lane.bars.find((each) => each.invocation?.raw.request_id === bar.invocation.raw.request_id) ?? null;
    }
    return null;
  }

  tick(now) {
    this.now = now;
    for (const each of this.open) each.end = now;
    if (this.open.length) for (const row of this.rows) if (row.lane) row.lane.longest = undefined;
    if (this.live) this.bounds.to = now;
    this.rescale();
  }

  rescale() {
    const width = this.plotWidth;
    const folds = this.least === Infinity ? []
      : findFolds(this.open.length ? joined([...this.ended, ...this.open]) : this.ended, this.bounds.from, this.bounds.to, { least: this.least, width });
    const old = this.scale;
    const scale = new Scale(this.bounds.from, folds, old.msPerPx);
    if (this.fit) this.scale = this.whole(scale);
    else if (this.live) this.scale = scale.with(old.msPerPx, scale.position(this.bounds.to) - width + 24);
    else {
      const middle = old.time(width / 2);
      this.scale = scale.with(old.msPerPx, scale.position(middle) - width / 2);
    }
    this.paintSoon();
  }

  whole(scale = this.scale) {
    const { from, to } = this.bounds;
    const fitted = scale.fitted(from, Math.max(to, from + 5), this.plotWidth - 36);
    return fitted.panned(-10);
  }

  get plotWidth() {
    return Math.max(50, this.width - this.gutter);
  }

  get window() {
    return { from: this.scale.time(0), to: this.scale.time(this.plotWidth) };
  }

  // --- moving ------------------------------------------------------------------------------------

  move(scale, { keepsLive = false } = {}) {
    const widest = this.whole().msPerPx * 1.5;
    const bound = scale.msPerPx > widest ? this.whole() : scale;
    this.scale = bound;
    this.fit = false;
    if (!keepsLive) this.live = false;
    this.on.moved?.();
    this.paintSoon();
  }

  zoom(factor, x = this.plotWidth / 2) {
    // Who watches the edge and zooms goes on watching it.
    const keepsLive = this.live && x > this.plotWidth * 0.75;
    this.move(this.scale.zoomed(factor, keepsLive ? this.scale.x(this.bounds.to) : x), { keepsLive });
  }

  showWindow(from, to) {
    const fitted = this.scale.fitted(from, to, this.plotWidth);
    this.move(fitted);
  }

  showAll() {
    this.fit = true;
    this.scale = this.whole();
    this.on.moved?.();
    this.paintSoon();
  }

  goLive() {
    this.live = true;
    this.scroller.scrollTop = 0;
    this.rescale();
    this.on.moved?.();
  }

  // --- choosing ----------------------------------------------------------------------------------

  select(bar, { reveal = false } = {}) {
    this.selected = bar;
    this.selectedLane = bar?.lane?.id ?? this.selectedLane;
    if (bar && reveal) {
      this.reveal(bar);
      this.on.chosen?.(bar);
    }
    this.paintSoon();
  }

  reveal(bar) {
    const row = this.rows.find((each) => each.lane === bar.lane);
    if (row) {
      const { scrollTop } = this.scroller;
      if (row.y < scrollTop + 30) this.scroller.scrollTop = row.y - 40;
      else if (row.y + 40 > scrollTop + this.height) this.scroller.scrollTop = row.y + 60 - this.height;
    }
    const x = this.scale.x((bar.start + bar.end) / 2);
    if (x < 0 || x > this.plotWidth) this.move(this.scale.panned(x - this.plotWidth / 2));
    else if (this.live) {
      this.live = false;
      this.on.moved?.();
    }
  }

  // Move the choice to the lane above or below, or along its calls.
  step(lanes, calls) {
    const rows = this.rows.filter((row) => row.lane);
    if (!rows.length) return;
    let index = rows.findIndex((row) => row.lane.id === this.selectedLane);
    if (index < 0) index = 0;
    else index = Math.min(rows.length - 1, Math.max(0, index + lanes));
    const { lane } = rows[index];
    const bars = lane.bars.filter((bar) => bar.invocation && !bar.dim);
    this.selectedLane = lane.id;
    if (!bars.length) {
      const any = lane.bars[0];
      if (any) this.select(any, { reveal: true });
      return;
    }
    const at = this.selected?.lane?.id === lane.id ? bars.indexOf(this.selected) : -1;
    const middle = this.selected ? this.selected.start : this.scale.time(this.plotWidth);
    const near = at >= 0 ? at : Math.max(0, bars.findLastIndex((bar) => bar.start <= middle));
    const next = bars[Math.min(bars.length - 1, Math.max(0, near + calls))];
    this.select(next, { reveal: true });
  }

  // --- painting ----------------------------------------------------------------------------------

  resize() {
    const box = this.scroller.getBoundingClientRect();
    // Hidden: what was seen is kept until it is seen again.
    if (!box.width && this.width) return;
    this.width = Math.max(200, Math.floor(this.scroller.clientWidth || box.width));
    this.height = Math.max(60, Math.floor(box.height));
    this.gutter = this.width < 640 ? 82 : 190;
    this.theme = themeOf(this.root);
    this.context = sized(this.canvas, this.width, this.height);
    this.axisContext = sized(this.axis, this.width, AXIS_PX);
    if (this.overview) this.overviewContext = sized(this.overview, this.width, 44);
    this.rescale();
  }

  paintSoon() {
    if (this.painting) return;
    this.painting = true;
    requestAnimationFrame(() => {
      this.painting = false;
      this.paint();
    });
  }

  paint() {
    const began = performance.now();
    const view = {
      scale: this.scale, rows: this.rows, top: this.scroller.scrollTop, gutter: this.gutter,
      width: this.width, height: this.height, theme: this.theme, selected: this.selected,
      selectedLane: this.selectedLane, hovered: this.hovered, now: this.now, live: this.live,
      range: this.range, cursorX: this.cursorX, relativeTo: this.relativeTo,
    };
    paintLanes(this.context, view);
    paintAxis(this.axisContext, view);
    if (this.overview) this.paintOverview();
    this.frames.push(performance.now() - began);
    if (this.frames.length > 600) this.frames.shift();
  }

  paintOverview() {
    const whole = new Scale(this.bounds.from, this.scale.folds);
    this.overviewScale = this.whole(whole);
    const key = `${this.shown}/${this.width}/${this.overviewScale.msPerPx}/${this.overviewScale.left}`;
    if (key !== this.counted?.key) {
      this.counted = { key, columns: countColumns(this.busy, this.overviewScale, this.plotWidth) };
    }
    paintOverview(this.overviewContext, {
      theme: this.theme, width: this.plotWidth, gutter: this.gutter, height: 44, scale: this.overviewScale,
      columns: this.counted.columns, window: this.window, whole: this.fit,
    });
  }

  // --- pointing ----------------------------------------------------------------------------------

  at({ x, y }) {
    return hit(this.rows, this.scale, x, y + this.scroller.scrollTop);
  }

  hover(at, event) {
    this.cursorX = at.x;
    this.hovered = this.at(at);
    const points = this.hovered && (this.hovered.bar || this.hovered.mark || this.hovered.wait || this.hovered.refused);
    this.canvas.style.cursor = this.invocationOf(this.hovered) ? "pointer" : "crosshair";
    this.on.hover?.(points ? this.hovered : null, event.clientX, event.clientY, this.scale.time(at.x));
    this.paintSoon();
  }

  invocationOf(found) {
    if (!found) return null;
    return found.bar?.invocation ?? found.wait?.invocation ?? found.refused?.invocation ?? null;
  }

  click(at) {
    this.canvas.focus({ preventScroll: true });
    const found = this.at(at);
    const invocation = this.invocationOf(found);
    if (found?.row?.lane) this.selectedLane = found.row.lane.id;
    this.select(found?.bar ?? null);
    if (invocation) this.on.open?.(invocation);
  }
}

function sized(canvas, width, height) {
  const ratio = Math.min(3, window.devicePixelRatio || 1);
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d", { alpha: false });
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}
