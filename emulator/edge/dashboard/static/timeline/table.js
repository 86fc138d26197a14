// The same as text: for screen readers, and for whoever likes figures.

import { fill, h } from "./dom.js";
import { clock, duration } from "./format.js";
import { passes } from "./model.js";
import { STATUS, reason } from "./words.js";

const MOST_ROWS = 500;
const COLUMNS = [["Time"], ["Function"], ["Request"], ["Result"], ["Start"], ["Waited", true], ["Duration", true], ["Billed", true], ["Memory", true]];

export function showTable(element, note, model, filter, open) {
  const found = [...model.running, ...[...model.invocations.values()].reverse()].filter((each) => passes(filter, each));
  const shown = found.slice(0, MOST_ROWS);
  fill(element.querySelector("thead"), h("tr", {}, COLUMNS.map(([name, number]) => h("th", { scope: "col", class: number ? "number" : null }, name))));
  fill(element.querySelector("tbody"), shown.map((each) => row(each, open)));
  note.textContent = found.length > shown.length
    ? `The newest ${shown.length} of ${found.length.toLocaleString("en")}; filters find the others.` : "";
}

function row(each, open) {
  const { raw } = each;
  const number = (value, label) => h("td", { class: "number", "data-label": label }, value);
  const link = h("a", { class: "mono", href: `#${raw.request_id}`, onclick: (click) => { click.preventDefault(); click.stopPropagation(); open(each); } }, raw.request_id.slice(0, 8));
  return h("tr", { onclick: () => open(each) },
    h("td", { class: "number", "data-label": "Time" }, clock(each.requested, 1)),
    h("td", {}, h("span", { class: "strong" }, raw.function), " ", h("span", { class: "small" }, raw.version)),
    h("td", { "data-label": "Request" }, link),
    h("td", {}, h("span", { class: each.failed ? "tag bad" : "tag" }, STATUS[raw.status] ?? raw.status), raw.error_type ? h("div", { class: "small" }, raw.error_type) : null),
    h("td", {}, raw.cold ? h("span", { class: "tag cold" }, "cold") : null, raw.cold ? h("span", { class: "small" }, ` ${reason(raw)}`) : each.refused ? h("span", { class: "none" }, "–") : h("span", { class: "small" }, "warm")),
    number(raw.waited_ms === null || raw.waited_ms === undefined ? "–" : duration(raw.waited_ms), "Waited"),
    number(duration(raw.duration_ms ?? NaN), "Duration"),
    number(raw.billed_ms === null || raw.billed_ms === undefined ? "–" : `${raw.billed_ms} ms`, "Billed"),
    number(raw.used_mb ? `${raw.used_mb} of ${raw.memory_mb} MB` : `${raw.memory_mb ?? "–"} MB`, "Memory"));
}
