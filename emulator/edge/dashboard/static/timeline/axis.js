// Paints the axis, folds and the overview.

import { clock, duration, longDuration } from "./format.js";
import { FOLD_PX, niceStep } from "./scale.js";

export const AXIS_PX = 28;

export function paintFolds(context, view, height) {
  const { scale, theme } = view;
  for (const fold of scale.folds) {
    const x = scale.x(fold.start);
    if (x > view.width || x + FOLD_PX < 0) continue;
    context.fillStyle = theme.fold;
    context.fillRect(x + 1, 0, FOLD_PX - 1, height);
    // Two broken edges say that something is left out.
    context.fillStyle = theme.border;
    for (let y = 0; y < height; y += 7) {
      context.fillRect(Math.round(x), y, 1, 4);
      context.fillRect(Math.round(x + FOLD_PX), y, 1, 4);
    }
  }
}

export function ticks(view) {
  const { scale, gutter, width } = view;
  const step = niceStep(scale.msPerPx, width - gutter < 500 ? 84 : 110);
  const from = scale.time(0);
  const to = scale.time(width - gutter);
  const found = [];
  let at = from;
  // Ticks stand in local time: at midnight, not at midnight of Greenwich.
  const offset = view.relativeTo ?? new Date(from).getTimezoneOffset() * 60_000;
  let index = scale.foldsBefore(from);
  if (index > 0 && scale.folds[index - 1].end > from) at = scale.folds[index - 1].end;
  while (at < to && found.length < 400) {
    const until = Math.min(to, scale.folds[index]?.start ?? to);
    for (let n = Math.ceil((at - offset) / step); n * step + offset <= until; n += 1) {
      found.push(n * step + offset);
      if (found.length >= 400) break;
    }
    if (!scale.folds[index]) break;
    at = scale.folds[index].end;
    index += 1;
  }
  return { step, found };
}

export function paintAxis(context, view) {
  const { theme, width, scale, gutter } = view;
  context.fillStyle = theme.background;
  context.fillRect(0, 0, width, AXIS_PX);
  context.save();
  context.beginPath();
  context.rect(gutter, 0, width - gutter, AXIS_PX);
  context.clip();
  context.translate(gutter, 0);
  paintFolds(context, view, AXIS_PX);
  const taken = [];
  context.textBaseline = "middle";
  context.font = `11px ${theme.font}`;
  context.textAlign = "center";
  for (const fold of scale.folds) {
    const x = scale.x(fold.start);
    if (x > width || x + FOLD_PX < 0) continue;
    context.fillStyle = theme.muted;
    context.fillText(longDuration(fold.end - fold.start), x + FOLD_PX / 2, AXIS_PX / 2);
    taken.push([x, x + FOLD_PX]);
  }
  const { step, found } = ticks(view);
  context.textAlign = "left";
  const origin = view.relativeTo;
  for (const time of found) {
    let x = Math.round(scale.x(time));
    context.fillStyle = theme.line;
    context.fillRect(x, AXIS_PX - 10, 1, 10);
    const text = origin == null ? clock(time, step) : `+${duration(Math.max(0, time - origin))}`.replace(/\.0+(?=\D)/, "");
    const wide = context.measureText(text).width + 12;
    const covered = () => taken.some(([from, to]) => x + wide > from && x < to);
    // Where a fold is in the way, it stands before its tick.
    if (covered()) x -= wide;
    if (covered()) continue;
    taken.push([x, x + wide]);
    context.fillStyle = theme.muted;
    context.fillText(text, x + 6, AXIS_PX / 2);
  }
  context.restore();
  context.fillStyle = theme.line;
  context.fillRect(0, AXIS_PX - 1, width, 1);
}

// The whole record at a glance; a frame is the window on it. `columns` is from countColumns.
export function paintOverview(context, view) {
  const { theme, width, height, scale, columns } = view;
  context.fillStyle = theme.panel;
  context.fillRect(0, 0, width + view.gutter, height);
  context.save();
  context.translate(view.gutter, 0);
  paintFolds(context, view, height);
  const { starts, calls, failed, most } = columns;
  // Roots, so that a single call is seen beside a burst.
  const tall = (count) => Math.sqrt(count / most) * (height - 12);
  for (let i = 0; i < starts.length; i += 1) {
    const whole = starts[i] + calls[i] + failed[i];
    if (!whole) continue;
    let y = height - 3;
    const tallest = Math.max(2, tall(whole));
    for (const [count, colour] of [[starts[i], theme.init], [calls[i], theme.warm], [failed[i], theme.failed]]) {
      if (!count) continue;
      const tallness = Math.max(1, (tallest * count) / whole);
      context.fillStyle = colour;
      context.fillRect(i * 2, y - tallness, 2, tallness);
      y -= tallness;
    }
  }
  const left = Math.max(0.75, scale.x(view.window.from));
  const right = Math.min(width - 0.75, scale.x(view.window.to));
  if (!view.whole) {
    context.fillStyle = theme.background;
    context.globalAlpha = 0.6;
    context.fillRect(-view.gutter, 0, Math.max(0, left) + view.gutter, height);
    context.fillRect(right, 0, Math.max(0, width - right), height);
    context.globalAlpha = 1;
    context.strokeStyle = theme.accent;
    context.lineWidth = 1.5;
    context.beginPath();
    context.roundRect(left, 0.75, Math.max(3, right - left), height - 1.5, 3);
    context.stroke();
  }
  context.restore();
}

// How much is busy in each pair of pixels.
export function countColumns(busy, scale, width) {
  const size = Math.ceil(width / 2);
  const starts = new Float32Array(size);
  const calls = new Float32Array(size);
  const failed = new Float32Array(size);
  for (const each of busy) {
    const from = Math.max(0, Math.floor(scale.x(each.start) / 2));
    const to = Math.min(size - 1, Math.floor(scale.x(each.end) / 2));
    if (each.kind === "queued" || each.kind === undefined) continue;
    const heap = each.failed ? failed : each.invocation ? calls : starts;
    for (let i = from; i <= to; i += 1) heap[i] += 1;
  }
  let most = 1;
  for (let i = 0; i < size; i += 1) most = Math.max(most, starts[i] + calls[i] + failed[i]);
  return { starts, calls, failed, most };
}
