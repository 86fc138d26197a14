// Paints lanes on a canvas. It listens to nobody and keeps nothing.

import { paintFolds, ticks } from "./axis.js";
import { duration } from "./format.js";
import { firstBar, rowAt } from "./layout.js";

const BAR_PX = 12;
const THIN_PX = 3;

const NAMES = ["background", "panel", "ink", "muted", "faint", "line", "border", "code", "boot", "extensions", "init",
  "restore", "first", "warm", "failed", "queued", "frozen", "idle", "stopping", "fold", "accent",
  "on-init", "on-first", "on-warm", "on-failed", "on-restore"];

// The colours of the style sheet.
export function themeOf(element) {
  const style = getComputedStyle(element);
  const theme = { font: style.fontFamily, mono: style.getPropertyValue("--mono") };
  for (const name of NAMES) theme[name] = style.getPropertyValue(`--c-${name}`).trim();
  return theme;
}

export function colourOf(theme, bar) {
  if (bar.failed) return theme.failed;
  return theme[{ reboot: "boot", reinit: "init", thaw: "extensions" }[bar.kind] ?? bar.kind] ?? theme.muted;
}

const hatches = new Map();

// Simulated time is hatched.
function hatch(context, colour, background) {
  const key = `${colour}/${background}`;
  if (!hatches.has(key)) {
    const tile = document.createElement("canvas");
    tile.width = tile.height = 6;
    const pen = tile.getContext("2d");
    pen.fillStyle = background;
    pen.fillRect(0, 0, 6, 6);
    pen.strokeStyle = colour;
    pen.lineWidth = 2;
    for (const shift of [-6, 0, 6]) {
      pen.beginPath();
      pen.moveTo(shift, 6);
      pen.lineTo(shift + 6, 0);
      pen.stroke();
    }
    hatches.set(key, context.createPattern(tile, "repeat"));
  }
  return hatches.get(key);
}

// view: {scale, rows, top, gutter, width, height, theme, selected, hovered, now, range, cursorX}
export function paintLanes(context, view) {
  const { theme, width, height } = view;
  context.fillStyle = theme.background;
  context.fillRect(0, 0, width, height);
  context.save();
  context.beginPath();
  context.rect(view.gutter, 0, width - view.gutter, height);
  context.clip();
  context.translate(view.gutter, 0);
  paintFolds(context, view, height);
  paintGrid(context, view, height);
  for (const row of visibleRows(view)) {
    if (row.kind === "lane") paintLane(context, view, row);
    else paintRefused(context, view, row);
  }
  paintOverlay(context, view);
  context.restore();
  for (const row of visibleRows(view)) paintLabel(context, view, row);
  paintHead(context, view);
}

// Which group the lanes at the top are of, where its name has been scrolled away.
function paintHead(context, view) {
  const row = view.rows[rowAt(view.rows, view.top)];
  if (row?.kind !== "lane") return;
  const next = view.rows.find((each) => each.kind === "group" && each.y >= view.top);
  const y = Math.min(0, (next?.y ?? Infinity) - view.top - 30);
  context.fillStyle = view.theme.background;
  context.fillRect(0, y, view.width, 29);
  context.fillStyle = view.theme.line;
  context.fillRect(0, y + 29, view.width, 1);
  context.textBaseline = "middle";
  context.textAlign = "left";
  paintGroup(context, view, row.group, y + 14);
}

function* visibleRows(view) {
  for (let i = rowAt(view.rows, view.top); i < view.rows.length; i += 1) {
    const row = view.rows[i];
    if (row.y - view.top > view.height) return;
    yield row;
  }
}

function paintGrid(context, view, height) {
  context.fillStyle = view.theme.line;
  for (const time of ticks(view).found) context.fillRect(Math.round(view.scale.x(time)), 0, 1, height);
}

function paintLane(context, view, row) {
  const { scale, theme, now } = view;
  const { lane } = row;
  const middle = Math.round(row.y - view.top + row.height / 2);
  const { environment } = lane;
  const width = view.width - view.gutter;
  const from = scale.time(-10);
  // Idle: a thin line for as long as it lives.
  const start = Math.max(-2, scale.x(environment.requested));
  const end = Math.min(width + 2, scale.x(environment.ended ?? now));
  if (end > start) {
    context.fillStyle = theme.idle;
    context.fillRect(start, middle - 1, end - start, 2);
  }
  if (end < -20 || start > width + 20) return;
  for (const each of lane.waits) {
    const x = scale.x(each.start);
    if (x > width) break;
    const right = scale.x(each.end);
    // A wait that is thinner than a pixel is none to look at.
    if (right < 0 || right - x < 0.75) continue;
    context.globalAlpha = each.dim ? 0.2 : 1;
    context.fillStyle = theme.queued;
    context.fillRect(x, middle + BAR_PX / 2 + 1, Math.max(1.5, right - x), THIN_PX);
  }
  paintBars(context, view, lane, from, middle);
  context.globalAlpha = 1;
  for (const mark of lane.marks) paintMark(context, view, mark, scale.x(mark.time), middle);
  const chosen = [view.hovered?.bar, view.selected].find((each) => each?.lane === lane);
  if (chosen) outline(context, view, chosen, middle);
}

function paintBars(context, view, lane, from, middle) {
  const { scale, theme } = view;
  const width = view.width - view.gutter;
  const { bars } = lane;
  lane.longest ??= bars.reduce((most, bar) => Math.max(most, bar.end - bar.start), 0);
  let last = -Infinity;
  let lastKind = "";
  for (let i = firstBar(bars, from, lane.longest); i < bars.length; i += 1) {
    const bar = bars[i];
    const x = scale.x(bar.start);
    if (x > width) break;
    const right = scale.x(bar.end);
    if (right < 0) continue;
    // Where many share a pixel, one is painted; what failed and what was cold stays visible.
    if (right <= last && bar.kind === lastKind && !bar.failed) continue;
    last = Math.max(right, x + 1);
    lastKind = bar.kind;
    paintBar(context, theme, bar, Math.max(x, -4), Math.min(right, width + 4), middle);
  }
}

function paintBar(context, theme, bar, x, right, middle) {
  const wide = Math.max(right - x, bar.invocation ? 2 : 1);
  const colour = colourOf(theme, bar);
  context.globalAlpha = bar.dim ? 0.18 : 1;
  if (bar.kind === "frozen") {
    context.fillStyle = theme.background;
    context.fillRect(x, middle - 1, wide, 2);
    context.fillStyle = theme.frozen;
    for (let at = x; at < x + wide - 1; at += 5) context.fillRect(at, middle - 1, 2, 2);
    return;
  }
  context.fillStyle = bar.simulated ? hatch(context, colour, theme.background) : colour;
  const top = middle - BAR_PX / 2;
  if (bar.invocation && wide > 6) {
    context.beginPath();
    context.roundRect(x, top, wide, BAR_PX, 2.5);
    context.fill();
  } else context.fillRect(x, top, wide, BAR_PX);
  if (bar.simulated) {
    context.strokeStyle = colour;
    context.lineWidth = 1;
    context.strokeRect(x + 0.5, top + 0.5, Math.max(0, wide - 1), BAR_PX - 1);
  }
  if (bar.imports && wide > 12) paintImports(context, theme, bar, x, wide, middle);
  if (wide > 46 && !bar.simulated) label(context, theme, bar, x, wide, middle);
}

// What INIT imports, by the outermost of the imports.
function paintImports(context, theme, bar, x, wide, middle) {
  const scale = wide / (bar.end - bar.start);
  context.fillStyle = theme.extensions;
  for (const each of bar.imports) {
    if (each.depth) continue;
    const from = x + (each.start_ms ?? 0) * scale;
    const width = Math.min(each.total_ms * scale - 1, x + wide - from);
    if (width >= 1) context.fillRect(from, middle + BAR_PX / 2 - 3, width, 3);
  }
}

function label(context, theme, bar, x, wide, middle) {
  const text = bar.open ? "" : duration(bar.end - bar.start);
  context.font = `500 10px ${theme.font}`;
  if (context.measureText(text).width > wide - 8) return;
  const ink = bar.failed ? theme["on-failed"] : theme[`on-${bar.kind}`] ?? theme.ink;
  context.fillStyle = ink;
  context.textBaseline = "middle";
  context.textAlign = "left";
  context.fillText(text, x + 5, middle + 0.5);
}

function paintMark(context, view, mark, x, middle) {
  const { theme } = view;
  if (x < -8 || x > view.width - view.gutter + 8) return;
  context.lineWidth = 1.5;
  context.beginPath();
  if (mark.kind === "reaped") {
    // It ended in order: a ring that closes the line.
    context.strokeStyle = theme.muted;
    context.fillStyle = theme.background;
    context.arc(x, middle, 3, 0, 7);
    context.fill();
  } else if (mark.kind === "reset") {
    context.strokeStyle = theme.failed;
    context.moveTo(x, middle - 8);
    context.lineTo(x, middle + 8);
  } else if (mark.kind === "timeout") {
    context.strokeStyle = theme.failed;
    context.moveTo(x + 1, middle - 6);
    context.lineTo(x + 1, middle + 6);
  } else {
    context.strokeStyle = theme.failed;
    for (const [dx, dy] of [[1, 1], [1, -1]]) {
      context.moveTo(x - 4 * dx, middle - 4 * dy);
      context.lineTo(x + 4 * dx, middle + 4 * dy);
    }
  }
  context.stroke();
}

function outline(context, view, bar, middle) {
  const x = view.scale.x(bar.start);
  const wide = Math.max(2, view.scale.x(bar.end) - x);
  context.strokeStyle = view.theme.ink;
  context.lineWidth = 1.5;
  context.beginPath();
  context.roundRect(x - 1.5, middle - BAR_PX / 2 - 1.5, wide + 3, BAR_PX + 3, 4);
  context.stroke();
}

// Throttles, and what waits for an environment that is not there yet, before the lanes.
function paintRefused(context, view, row) {
  const { scale, theme } = view;
  const width = view.width - view.gutter;
  const y = row.y - view.top + row.height - 5;
  for (const each of row.group.waiting) {
    context.fillStyle = theme.queued;
    const x = scale.x(each.start);
    context.fillRect(x, y - THIN_PX, Math.max(2, scale.x(each.end) - x), THIN_PX);
  }
  context.fillStyle = theme.failed;
  let last = -9;
  for (const each of row.group.refused) {
    const x = scale.x(each.time);
    if (x < -5 || x > width + 5 || Math.abs(x - last) < 1) continue;
    last = x;
    context.globalAlpha = each.dim ? 0.2 : 1;
    context.beginPath();
    context.moveTo(x - 4, y - 5);
    context.lineTo(x + 4, y - 5);
    context.lineTo(x, y + 2);
    context.fill();
  }
  context.globalAlpha = 1;
}

function paintOverlay(context, view) {
  const { theme, height, scale } = view;
  const now = scale.x(view.now);
  if (view.live && now <= view.width) {
    context.fillStyle = theme.accent;
    context.globalAlpha = 0.55;
    context.fillRect(Math.round(now), 0, 1, height);
    context.globalAlpha = 1;
  }
  if (view.range) {
    const [from, to] = [view.range.from, view.range.to].sort((a, b) => a - b);
    context.fillStyle = theme.accent;
    context.globalAlpha = 0.14;
    context.fillRect(from, 0, to - from, height);
    context.globalAlpha = 0.9;
    context.fillRect(from, 0, 1, height);
    context.fillRect(to, 0, 1, height);
    context.globalAlpha = 1;
  } else if (view.cursorX !== null && view.cursorX >= 0) {
    context.fillStyle = theme.muted;
    context.globalAlpha = 0.35;
    context.fillRect(view.cursorX, 0, 1, height);
    context.globalAlpha = 1;
  }
}

function paintLabel(context, view, row) {
  const { theme } = view;
  const y = row.y - view.top;
  context.textBaseline = "middle";
  context.textAlign = "left";
  if (row.kind === "group") {
    paintGroup(context, view, row.group, y + 15);
    return;
  }
  context.fillStyle = theme.background;
  context.fillRect(0, y, view.gutter, row.height);
  const middle = y + row.height / 2;
  const { raw } = row.lane.environment;
  if (view.selectedLane === row.lane.id) {
    context.fillStyle = theme.accent;
    context.fillRect(0, y + 3, 2.5, row.height - 6);
  }
  context.font = `11.5px ${theme.mono}`;
  context.fillStyle = raw.ended === null ? theme.ink : theme.muted;
  context.fillText(raw.id.slice(0, 8), 14, middle);
  if (view.gutter < 150) return;
  context.font = `11px ${theme.font}`;
  context.fillStyle = theme.muted;
  context.textAlign = "right";
  context.fillText([row.lane.sort ?? (raw.state === "stopped" ? "" : raw.state), `×${raw.invokes}`].join(" "), view.gutter - 10, middle);
}

function paintGroup(context, view, group, y) {
  const { theme } = view;
  const heading = `600 13px ${theme.font}`;
  const rest = `11.5px ${theme.font}`;
  context.font = heading;
  const name = fit(context, group.function, Math.max(140, view.width * 0.45));
  const x = 14 + context.measureText(name).width + 8;
  context.font = rest;
  const caption = `${group.version}    ${group.caption ?? ""}`;
  context.fillStyle = theme.background;
  context.fillRect(0, y - 10, x + context.measureText(caption).width + 10, 18);
  context.fillStyle = theme.muted;
  context.fillText(caption, x, y + 0.5);
  context.font = heading;
  context.fillStyle = theme.ink;
  context.fillText(name, 14, y);
}

function fit(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  let short = text.slice(0, 120);
  while (short.length > 4 && context.measureText(`${short}…`).width > width) short = short.slice(0, -3);
  return `${short}…`;
}
