// Runs: stretches of calls with no long pause in them. What people compare.

const PAUSE_MS = 5000;

// The runs of what passes a filter, the oldest first: [{from, to, calls, cold}].
export function findRuns(invocations, pause = PAUSE_MS) {
  const sorted = [...invocations].sort((a, b) => a.requested - b.requested);
  const found = [];
  for (const each of sorted) {
    const end = each.ended ?? each.requested;
    let run = found.at(-1);
    if (!run || each.requested - run.to > pause) {
      run = { from: each.requested, to: end, calls: 0, cold: 0 };
      found.push(run);
    }
    run.to = Math.max(run.to, end);
    run.calls += 1;
    run.cold += each.raw.cold ? 1 : 0;
  }
  return found;
}

// "from..to" in seconds since the epoch, or null.
export function readWindow(text) {
  const match = /^(\d+(?:\.\d+)?)\.\.(\d+(?:\.\d+)?)$/.exec(text ?? "");
  if (!match) return null;
  const [from, to] = [Number(match[1]) * 1000, Number(match[2]) * 1000];
  return to > from ? { from, to } : null;
}

export function writeWindow({ from, to }) {
  return `${(from / 1000).toFixed(3)}..${(to / 1000).toFixed(3)}`;
}
