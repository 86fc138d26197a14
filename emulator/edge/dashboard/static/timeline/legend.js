// What the colours mean.

import { fill, h } from "./dom.js";

const ENTRIES = [
  ["code", "code"], ["boot", "boot"], ["extensions", "extensions"], ["init", "INIT"], ["restore", "restore"],
  ["first", "first call"], ["warm", "warm call"], ["failed", "failed"], ["queued", "waiting"],
  ["throttled", "throttled"], ["idle", "idle"], ["frozen", "frozen"], ["reaped", "ended"], ["killed", "killed"],
  ["simulated", "simulated"],
];

export function showLegend(element) {
  const keys = [["drag", "zooms"], ["F", "fits"], ["L", "follows"]];
  fill(
    element,
    ENTRIES.map(([name, text]) => h("span", {}, h("i", { class: `swatch ${name}` }), text)),
    h("span", { class: "hint" }, keys.map(([key, text]) => [h("kbd", {}, key), ` ${text}  `]).flat()),
  );
}
