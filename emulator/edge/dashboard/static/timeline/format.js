// How figures read.

const SPACE = " ";

// A duration for people: three figures, and a unit that suits it.
export function duration(ms) {
  if (!Number.isFinite(ms)) return "–";
  const size = Math.abs(ms);
  if (size < 0.0005) return `0${SPACE}ms`;
  if (size < 1) return `${(ms * 1000).toFixed(0)}${SPACE}µs`;
  if (size < 10) return `${ms.toFixed(2)}${SPACE}ms`;
  if (size < 100) return `${ms.toFixed(1)}${SPACE}ms`;
  if (size < 1000) return `${ms.toFixed(0)}${SPACE}ms`;
  if (size < 10_000) return `${(ms / 1000).toFixed(2)}${SPACE}s`;
  if (size < 60_000) return `${(ms / 1000).toFixed(1)}${SPACE}s`;
  return longDuration(ms);
}

// The same to the microsecond, where somebody looks closely.
export function exactMs(ms) {
  if (!Number.isFinite(ms)) return "–";
  return `${ms.toLocaleString("en", { minimumFractionDigits: 3, maximumFractionDigits: 3 })}${SPACE}ms`;
}

export function longDuration(ms) {
  if (ms < 10_000) return duration(ms);
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds}${SPACE}s`;
  if (seconds < 3600) return joined(Math.floor(seconds / 60), "m", seconds % 60, "s");
  const minutes = Math.round(seconds / 60);
  if (minutes < 1440) return joined(Math.floor(minutes / 60), "h", minutes % 60, "m");
  const hours = Math.round(minutes / 60);
  return joined(Math.floor(hours / 24), "d", hours % 24, "h");
}

function joined(large, largeUnit, small, smallUnit) {
  const first = `${large}${SPACE}${largeUnit}`;
  return small ? `${first}${SPACE}${small}${SPACE}${smallUnit}` : first;
}

const pad = (number, digits = 2) => String(number).padStart(digits, "0");

// The time of day; with as many decimals as a step needs.
export function clock(time, stepMs = 1000) {
  const at = new Date(time);
  const day = `${pad(at.getHours())}:${pad(at.getMinutes())}`;
  if (stepMs >= 60_000) return day;
  const seconds = `${day}:${pad(at.getSeconds())}`;
  if (stepMs >= 1000) return seconds;
  const fraction = time - Math.floor(time / 1000) * 1000;
  if (stepMs >= 1) return `${seconds}.${pad(Math.round(fraction), 3)}`;
  return `.${pad(fraction.toFixed(3), 7)}`;
}

export function bytes(count) {
  if (!Number.isFinite(count)) return "–";
  if (count < 1024) return `${count}${SPACE}B`;
  if (count < 1024 * 1024) return `${(count / 1024).toFixed(1)}${SPACE}KB`;
  return `${(count / 1024 / 1024).toFixed(1)}${SPACE}MB`;
}

export function percent(part, whole) {
  return whole ? `${((100 * part) / whole).toFixed(1)}${SPACE}%` : `0${SPACE}%`;
}

export function plural(count, one, many = `${one}s`) {
  return `${count.toLocaleString("en")}${SPACE}${count === 1 ? one : many}`;
}
