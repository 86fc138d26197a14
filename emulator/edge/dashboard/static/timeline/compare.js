// Two windows of the record on one scale: before and after a change, with a remedy and without.

import { readFilter } from "./address.js";
import { fill, h } from "./dom.js";
import { clock, duration, longDuration, percent, plural } from "./format.js";
import { showLegend } from "./legend.js";
import { Model, groups, passes, summary } from "./model.js";
import { findRuns, readWindow, writeWindow } from "./runs.js";
import { tipFor } from "./tip.js";
import { LaneView } from "./view.js";
import { quantile, sentence } from "./words.js";

const main = document.getElementById("main");
const { prefix } = main.dataset;
const find = (id) => document.getElementById(id);
const filter = readFilter();
const query = new URLSearchParams(location.search);

// What can be chosen: [{label, model, from, to}].
let choices = [];
const panes = ["a", "b"].map((name) => {
  const root = find(`pane-${name}`);
  const pane = { name, root, title: root.querySelector("[data-title]"), choice: null };
  pane.view = new LaneView(root.querySelector(".lanes"), {
    hover: tipFor(find("tip")),
    open: (invocation) => {
      if (!pane.choice.file) location.href = `${prefix}/ui/invocations/${encodeURIComponent(invocation.raw.request_id)}`;
    },
    moved: () => follow(pane),
  });
  pane.view.least = Infinity;
  return pane;
});

// The other pane shows the same time after its own begin.
function follow(pane) {
  const other = panes.find((each) => each !== pane);
  if (!other.choice || !pane.choice) return;
  const { view } = other;
  const offset = pane.view.scale.time(0) - pane.choice.from;
  const scale = view.scale.with(pane.view.scale.msPerPx, 0);
  view.scale = scale.with(scale.msPerPx, scale.position(other.choice.from + offset));
  view.fit = false;
  view.paintSoon();
}

function show() {
  const length = Math.max(...panes.map(({ choice }) => (choice ? choice.to - choice.from : 0)));
  for (const pane of panes) {
    const { view, choice, root } = pane;
    const empty = root.querySelector(".empty");
    empty.hidden = choice !== null;
    if (!choice) {
      fill(empty, h("p", { class: "lead" }, "Nothing to show yet."), h("p", {}, "Runs appear here once functions were called: a run is a stretch of calls without a pause of 5 s."));
      continue;
    }
    const window = { from: choice.from, to: choice.from + length };
    const chosen = groups(choice.model, filter, { from: choice.from, to: choice.to });
    for (const group of chosen) group.caption = `${plural(group.lanes.length, "environment")} · ${plural(group.count, "call")} · ${group.cold} cold`;
    view.relativeTo = choice.from;
    view.fit = true;
    view.show(chosen, window, choice.to);
    pane.found = summary(choice.model, filter, { from: choice.from, to: choice.to });
    fill(pane.title, `${clock(choice.from, 1)}, ${longDuration(choice.to - choice.from)}. `,
      h("span", { class: "small" }, sentence(pane.found).map(([text, strong]) => (strong ? h("strong", {}, text) : text))));
  }
  compareFigures();
}

function compareFigures() {
  const [a, b] = panes.map((pane) => pane.choice && pane.found);
  if (!a || !b) return;
  if (panes[0].choice === panes[1].choice && choices.length === 1) {
    fill(find("sentence"), "There is one run so far: after a pause of 5 s the next one begins.");
    return;
  }
  const times = [a, b].map((each) => [...each.cold_ms, ...each.warm_ms]);
  const pair = (name, one, two) => [`${name} `, h("strong", {}, `${one} → ${two}`)];
  const rows = [
    pair("Cold starts", percent(a.cold, a.count), percent(b.cold, b.count)),
    pair("their cost to callers", duration(a.coldMs), duration(b.coldMs)),
    pair("median", duration(quantile(times[0], 0.5)), duration(quantile(times[1], 0.5))),
    pair("p99", duration(quantile(times[0], 0.99)), duration(quantile(times[1], 0.99))),
  ];
  fill(find("sentence"), rows.flatMap((row, index) => [index ? ", " : "", ...row]), ".");
}

// --- choosing ------------------------------------------------------------------------------------

function offer(model, file = null) {
  const all = [...model.invocations.values()].filter((each) => passes(filter, each));
  const found = findRuns(all).map((run) => ({
    ...run, model, file,
    label: `${file ? `${file}: ` : ""}${clock(run.from, 1000)}, ${longDuration(run.to - run.from)}, ${plural(run.calls, "call")}, ${run.cold} cold`,
  }));
  choices.push(...found);
  return found;
}

function showForm() {
  fill(find("filters"), panes.map((pane) => {
    const select = h("select", { "aria-label": `Window ${pane.name.toUpperCase()}`, onchange: (event) => choose(pane, choices[event.target.value]) },
      choices.map((choice, index) => h("option", { value: String(index), selected: choice === pane.choice }, choice.label)));
    return h("label", { class: "select" }, h("span", { class: "letter" }, `${pane.name.toUpperCase()} `), select);
  }), h("button", { type: "button", onclick: swap }, "Swap"), h("span", { class: "grow" }),
  h("label", { class: "button" }, "Add an exported record", h("input", { type: "file", accept: "application/json", class: "hidden", onchange: addFile })));
}

function choose(pane, choice) {
  pane.choice = choice;
  if (!choice.file) query.set(pane.name, writeWindow(choice));
  history.replaceState(null, "", `?${query}`);
  show();
}

function swap() {
  const [a, b] = panes.map((pane) => pane.choice);
  if (!a || !b) return;
  choose(panes[0], b);
  choose(panes[1], a);
  showForm();
}

async function addFile(event) {
  const [file] = event.target.files;
  if (!file) return;
  const model = new Model();
  try {
    const document = JSON.parse(await file.text());
    if (!String(document.format).startsWith("localfaas-timeline/")) throw new Error("it is no exported timeline");
    model.apply(document);
  } catch (error) {
    fill(find("sentence"), `${file.name} can’t be read: ${error.message}.`);
    return;
  }
  const [first] = offer(model, file.name);
  if (first) choose(panes[0], first);
  showForm();
}

async function start() {
  showLegend(find("legend"));
  const model = new Model();
  try {
    const answer = await fetch(`${prefix}/timeline?limit=10000`);
    const document = await answer.json();
    if (!answer.ok) throw new Error(document.detail);
    model.apply(document);
  } catch (error) {
    fill(find("sentence"), `The record can’t be had: ${error.message}`);
  }
  offer(model);
  const last = choices.slice(-2);
  // Who comes from the lanes compares with what was looked at there.
  if (query.has("from") && query.has("to") && !query.has("b")) query.set("b", `${query.get("from")}..${query.get("to")}`);
  panes.forEach((pane, index) => {
    const asked = readWindow(query.get(pane.name));
    if (asked) {
      const known = choices.find((each) => Math.abs(each.from - asked.from) < 1 && Math.abs(each.to - asked.to) < 1);
      pane.choice = known ?? { ...asked, model, file: null, label: `${clock(asked.from, 1000)}, ${longDuration(asked.to - asked.from)}` };
      if (!known) choices.push(pane.choice);
    } else pane.choice = last[Math.min(index, last.length - 1)] ?? null;
  });
  showForm();
  show();
}

start();
window.localfaas = { panes };
