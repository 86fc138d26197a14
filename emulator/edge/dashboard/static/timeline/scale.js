// From time to pixels and back. Idle stretches are folded: each takes FOLD_PX, however long it is.
// Times are milliseconds since the epoch.

export const FOLD_PX = 52;

const FINEST_MS_PER_PX = 0.0005;

export class Scale {
  // folds: [{start, end}], in order, without overlap. origin: where position 0 is.
  constructor(origin, folds = [], msPerPx = 1) {
    this.origin = origin;
    this.folds = folds;
    this.msPerPx = msPerPx;
    this.left = 0;
    // What is folded away before each fold begins.
    this.gone = [];
    let gone = 0;
    for (const fold of folds) {
      this.gone.push(gone);
      gone += fold.end - fold.start;
    }
    this.goneInAll = gone;
  }

  // The same folds and place at another zoom.
  with(msPerPx, left) {
    const other = Object.create(Scale.prototype);
    Object.assign(other, this);
    other.msPerPx = Math.max(FINEST_MS_PER_PX, msPerPx);
    other.left = left;
    return other;
  }

  // Pixels from the origin, wherever the window stands.
  position(time) {
    const before = this.foldsBefore(time);
    if (before === 0) return (time - this.origin) / this.msPerPx;
    const last = this.folds[before - 1];
    if (time < last.end) {
      const share = (time - last.start) / (last.end - last.start);
      return this.startOfFold(before - 1) + share * FOLD_PX;
    }
    const gone = before < this.folds.length ? this.gone[before] : this.goneInAll;
    return (time - this.origin - gone) / this.msPerPx + before * FOLD_PX;
  }

  startOfFold(index) {
    const start = this.folds[index].start;
    return (start - this.origin - this.gone[index]) / this.msPerPx + index * FOLD_PX;
  }

  // Folds that begin before a time.
  foldsBefore(time) {
    let low = 0;
    let high = this.folds.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.folds[middle].start < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  // Pixels from the left edge of the window.
  x(time) {
    return this.position(time) - this.left;
  }

  time(x) {
    const position = x + this.left;
    let low = 0;
    let high = this.folds.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.startOfFold(middle) < position) low = middle + 1;
      else high = middle;
    }
    if (low === 0) return this.origin + position * this.msPerPx;
    const fold = this.folds[low - 1];
    const within = position - this.startOfFold(low - 1);
    if (within < FOLD_PX) return fold.start + (within / FOLD_PX) * (fold.end - fold.start);
    return fold.end + (within - FOLD_PX) * this.msPerPx;
  }

  // Zoom so that the time under x stays there.
  zoomed(factor, x) {
    const time = this.time(x);
    const next = this.with(this.msPerPx * factor, 0);
    return next.with(next.msPerPx, next.position(time) - x);
  }

  panned(pixels) {
    return this.with(this.msPerPx, this.left + pixels);
  }

  // Show from..to within a width.
  fitted(from, to, width) {
    let folds = 0;
    let gone = 0;
    for (const fold of this.folds) {
      const share = Math.min(fold.end, to) - Math.max(fold.start, from);
      if (share <= 0) continue;
      folds += share / (fold.end - fold.start);
      gone += share;
    }
    const room = Math.max(width - folds * FOLD_PX, width / 8);
    const next = this.with(Math.max(to - from - gone, 0.001) / room, 0);
    return next.with(next.msPerPx, next.position(from));
  }
}

// Intervals joined where they touch: what is left is in order, and much less.
export function joined(intervals) {
  const sorted = [...intervals].sort((a, b) => a.start - b.start);
  const found = [];
  let last = null;
  for (const { start, end } of sorted) {
    if (last && start <= last.end) last.end = Math.max(last.end, end);
    else found.push((last = { start, end }));
  }
  return found;
}

// The idle stretches worth folding. busy: [{start, end}] in order. least: folded from this
// length on; null finds one by itself, so that folds leave most of the width to what happened.
export function findFolds(busy, from, to, { least = null, width = 1000 } = {}) {
  const gaps = [];
  let until = from;
  let busyMs = 0;
  for (const { start, end } of busy) {
    if (end < from || start > to) continue;
    if (start > until) gaps.push({ start: until, end: start });
    busyMs += Math.max(0, Math.min(end, to) - Math.max(start, until));
    until = Math.max(until, end);
  }
  if (to > until) gaps.push({ start: until, end: to });
  const length = (gap) => gap.end - gap.start;
  if (least !== null) return gaps.filter((gap) => length(gap) >= least);
  let bound = Math.max(250, busyMs * 0.12);
  const most = Math.max(1, Math.floor((width * 0.45) / FOLD_PX));
  const long = gaps.map(length).filter((each) => each > bound).sort((a, b) => b - a);
  if (long.length > most) bound = long[most];
  return gaps.filter((gap) => length(gap) > bound);
}

const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500];
const LONG_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400];

// A round step of at least `leastPx` pixels, in milliseconds.
export function niceStep(msPerPx, leastPx = 110) {
  const wanted = msPerPx * leastPx;
  if (wanted <= 0.5) return STEPS.map((s) => s / 1000).find((step) => step >= wanted) ?? 0.5;
  return STEPS.find((step) => step >= wanted)
    ?? LONG_STEPS.map((s) => s * 1000).find((step) => step >= wanted)
    ?? Math.ceil(wanted / 86400000) * 86400000;
}
