// How long calls took, cold and warm: the share of calls that took at most so long.

import { fill, h } from "./dom.js";
import { duration } from "./format.js";
import { quantile } from "./words.js";

export function showSpread(element, found, files) {
  const sets = [["cold", found.cold_ms, "--c-init"], ["warm", found.warm_ms, "--c-warm"]]
    .map(([name, values, colour]) => [name, values.filter((each) => Number.isFinite(each) && each > 0), colour])
    .filter(([, values]) => values.length);
  element.plot?.destroy();
  element.plot = null;
  if (!sets.length) {
    fill(element, h("p", { class: "lead" }, "No calls here."));
    return;
  }
  const figures = h("dl", { class: "figures" }, sets.flatMap(([name, values]) => [["median", 0.5], ["p90", 0.9], ["p99", 0.99]]
    .map(([label, share]) => h("div", {}, h("dt", {}, `${name}, ${label}`), h("dd", {}, duration(quantile(values, share)))))));
  const place = h("div", { role: "img", "aria-label": "The same as curves" });
  fill(element, h("p", { class: "lead" }, "What callers waited, from their request to the end: the share of calls that took at most so long."), figures, place);
  if (typeof uPlot !== "undefined") element.plot = plot(place, sets, getComputedStyle(element));
  else if (files) loadChart(files).then(() => place.isConnected && showSpread(element, found, null));
}

// The chart's library comes with the first curves: the page is painted without it. An exported page
// has it, and where it can't be loaded the figures say the same.
let loading = null;
function loadChart(files) {
  loading ??= Promise.all([
    load(h("script", { src: `${files}/uPlot.min.js` })),
    load(h("link", { rel: "stylesheet", href: `${files}/uPlot.min.css` })),
  ]);
  return loading;
}

function load(element) {
  return new Promise((done) => {
    element.onload = element.onerror = done;
    document.head.append(element);
  });
}

function plot(place, sets, style) {
  const colour = (name) => style.getPropertyValue(name).trim();
  const tables = sets.map(([, values]) => {
    const sorted = Float64Array.from(values).sort();
    return [Array.from(sorted), Array.from(sorted, (_, index) => (100 * (index + 1)) / sorted.length)];
  });
  const axis = { stroke: colour("--c-muted"), grid: { stroke: colour("--c-line"), width: 1 }, ticks: { stroke: colour("--c-line"), width: 1 }, font: `11px ${style.fontFamily}` };
  return new uPlot({
    width: Math.max(280, place.clientWidth),
    height: Math.max(220, Math.min(420, innerHeight - 380)),
    scales: { x: { time: false, distr: 3 }, y: { range: [0, 100] } },
    axes: [
      { ...axis, values: (_, splits) => splits.map((each) => (each === null ? "" : duration(each))), space: 70 },
      { ...axis, values: (_, splits) => splits.map((each) => `${each} %`), size: 56 },
    ],
    series: [
      { label: "took at most", value: (_, value) => (value === null ? "–" : duration(value)) },
      ...sets.map(([name, values, variable]) => ({
        label: `${name} (${values.length})`, stroke: colour(variable), width: 2, spanGaps: true, points: { show: false },
        paths: uPlot.paths.stepped({ align: 1 }), value: (_, value) => (value === null ? "–" : `${value.toFixed(1)} %`),
      })),
    ],
  }, uPlot.join(tables), place);
}
