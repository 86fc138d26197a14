// Which row stands where: a header for each group, below it a row for each lane.

const LANE_PX = 22;
const WIDEST_LANE_PX = 30;
const GROUP_PX = 34;
const GAP_PX = 10;

// Few lanes stand further apart, up to what fits into `height`.
export function layout(chosen, height = 0) {
  const rows = [];
  const lanes = chosen.reduce((count, group) => count + group.lanes.length, 0);
  const room = height - chosen.length * (GROUP_PX + GAP_PX) - 40;
  const lanePx = Math.min(WIDEST_LANE_PX, Math.max(LANE_PX, Math.floor(room / Math.max(1, lanes))));
  let y = 4;
  for (const group of chosen) {
    rows.push({ kind: "group", group, y, height: GROUP_PX });
    y += GROUP_PX;
    for (const lane of group.lanes) {
      rows.push({ kind: "lane", group, lane, y, height: lanePx });
      y += lanePx;
    }
    y += GAP_PX;
  }
  return { rows, height: y };
}

// The index of the first row that reaches below a place.
export function rowAt(rows, y) {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle].y + rows[middle].height <= y) low = middle + 1;
    else high = middle;
  }
  return low;
}

// The index of the first bar that may end after a time. Bars are sorted by start; those of
// environments that serve many calls at once overlap, by `longest` at most.
export function firstBar(bars, time, longest = 0) {
  let low = 0;
  let high = bars.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (bars[middle].start < time - longest) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}

// What is under a point: {row, bar | mark | wait}, or null.
export function hit(rows, scale, x, y) {
  const row = rows[rowAt(rows, y)];
  if (!row || y < row.y) return null;
  const near = (time) => Math.abs(scale.x(time) - x) <= 5;
  if (row.kind === "group") {
    const refused = row.group.refused.find((each) => near(each.time));
    if (refused) return { row, refused };
    const waiting = row.group.waiting.find((each) => covers(each, scale, x));
    return waiting ? { row, wait: waiting } : { row };
  }
  const { lane } = row;
  const mark = lane.marks.find((each) => near(each.time));
  const bars = lane.bars.filter((each) => covers(each, scale, x));
  // Calls lie above phases.
  const bar = bars.findLast((each) => each.invocation) ?? bars.at(-1);
  if (bar && bar.kind !== "frozen") return { row, bar };
  if (mark) return { row, mark };
  const wait = lane.waits.find((each) => covers(each, scale, x));
  if (wait) return { row, wait };
  return bar ? { row, bar } : { row };
}

// Thin bars can be pointed at, too.
function covers(each, scale, x) {
  const start = scale.x(each.start);
  const end = scale.x(each.end);
  const slack = Math.max(0, (5 - (end - start)) / 2);
  return x >= start - slack && x <= end + slack;
}
