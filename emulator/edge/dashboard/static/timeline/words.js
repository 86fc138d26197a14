// Words for what is shown: one place, so that lanes, table and pages say the same.

import { duration, percent, plural } from "./format.js";

export const PHASES = {
  queued: "waiting",
  code: "code",
  boot: "boot",
  extensions: "extensions",
  init: "INIT",
  restore: "restore",
  reboot: "boot again",
  reinit: "INIT again",
  thaw: "thaw",
  first: "first call",
  warm: "warm call",
  invoke: "call",
  frozen: "frozen",
  stopping: "stopping",
};

export const MARKS = { reset: "reset", reaped: "ended", killed: "killed", timeout: "timed out" };

export const CAUSES = {
  "first call": "first call",
  "all busy": "all busy",
  idle: "idle too long",
  "new version": "new version",
  crashed: "after a crash",
  evicted: "evicted",
  scaled: "started ahead of use",
  restart: "runtime started anew",
};

// Why it was cold, as a sentence.
export function why(raw) {
  if (raw.status === "throttled") return `Throttled: ${raw.reason || raw.error_type}.`;
  if (raw.status === "refused") return `Refused: ${raw.reason || raw.error_type}.`;
  if (!raw.cold) return "Warm: it ran in an environment that was there.";
  return `Cold: ${raw.why?.sentence ?? "nobody knows why"}.`;
}

// The sentence alone, where a mark says that it was cold.
export function reason(raw) {
  return raw.why?.sentence ?? "";
}

// "Cold starts: 7 of 120 (5.8 %), cost them 0.61 s": [text, isStrong].
export function sentence(found) {
  if (!found.count) return [["No calls here.", false]];
  const cold = `${found.cold.toLocaleString("en")} of ${found.count.toLocaleString("en")}`;
  const parts = [["Cold starts: ", false], [`${cold} (${percent(found.cold, found.count)})`, true]];
  if (found.cold) {
    parts.push([", cost their callers ", false], [duration(found.coldMs), true]);
    const ordinary = median(found.warm_ms);
    if (Number.isFinite(ordinary)) parts.push([`; a warm call takes ${duration(ordinary)}`, false]);
  }
  parts.push([".", false]);
  if (found.failed - found.throttled > 0) parts.push([` ${plural(found.failed - found.throttled, "call")} failed.`, false]);
  if (found.throttled) parts.push([` ${found.throttled.toLocaleString("en")} throttled.`, false]);
  return parts;
}

export function median(values) {
  return quantile(values, 0.5);
}

export function quantile(values, share) {
  if (!values.length) return NaN;
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

export const STATUS = {
  success: "succeeded",
  error: "failed",
  timeout: "timed out",
  throttled: "throttled",
  refused: "refused",
  queued: "waiting",
  starting: "starting",
  running: "running",
};
