// The timeline's page: joins what is recorded, filters, lanes, table, spread and the drawer.

import { readFilter, readPlace, writeAddress } from "./address.js";
import { fill, h } from "./dom.js";
import { detail } from "./detail.js";
import { percent, plural } from "./format.js";
import { key } from "./gestures.js";
import { showLegend } from "./legend.js";
import { Model, groups, summary } from "./model.js";
import { Source, recorded } from "./source.js";
import { showSpread } from "./spread.js";
import { showTable } from "./table.js";
import { spoken, tipFor } from "./tip.js";
import { LaneView } from "./view.js";
import { CAUSES, sentence } from "./words.js";

const main = document.getElementById("main");
const find = (id) => document.getElementById(id);
const prefix = main.dataset.prefix;
// Where others reach the emulator; as this page was reached, where there is one.
const endpoint = location.protocol.startsWith("http") ? location.origin : main.dataset.endpoint;
const archive = recorded();

const model = new Model();
const filter = readFilter();
const place = readPlace();
let source = null;
let connection = archive ? "archive" : "connecting";
// What came while the lanes stood still.
let missed = 0;
let shownRevision = -1;
let receivedAt = performance.now();
let refreshing = null;
let cost = 0;

const lanes = new LaneView(find("lanes"), {
  hover: tipFor(find("tip")),
  open: (invocation) => openInvocation(invocation.raw),
  moved: () => {
    if (lanes.live) missed = 0;
    remember();
    showState();
    if (lanes.live && model.revision !== shownRevision) refresh();
  },
  left: closeDrawer,
  chosen: (bar) => (find("chosen").textContent = spoken(bar)),
});
lanes.live = !archive && place.from === null;
lanes.fit = place.from === null;

const now = () => (archive ? model.now : model.now + (performance.now() - receivedAt));

// --- what is shown -------------------------------------------------------------------------------

function refresh() {
  refreshing = null;
  const began = performance.now();
  const still = !lanes.live && shownRevision >= 0;
  if (still && !refresh.forced) {
    showFigures();
    showState();
    return;
  }
  shownRevision = model.revision;
  const chosen = ordered(groups(model, filter));
  for (const group of chosen) group.caption = caption(group);
  const bounds = boundsOf(chosen);
  const first = !lanes.groups.length && chosen.length;
  lanes.show(chosen, bounds, now());
  if (first && place.from !== null) {
    lanes.showWindow(place.from, place.to);
    lanes.live = false;
  }
  showEmpty(chosen);
  showFigures();
  showState();
  refresh.forced = false;
  cost = performance.now() - began;
}

function refreshSoon() {
  // Large records take longer to lay out: no more than a fifth of the time goes there.
  refreshing ??= setTimeout(refresh, Math.max(60, cost * 4));
}

function force() {
  refresh.forced = true;
  clearTimeout(refreshing);
  refresh();
}

// Groups stay where they are while somebody looks; new ones come on top.
let order = [];
function ordered(chosen) {
  const known = new Map(order.map((key, index) => [key, index]));
  chosen.sort((a, b) => (known.get(a.key) ?? -1) - (known.get(b.key) ?? -1) || b.latest - a.latest);
  order = chosen.map((group) => group.key);
  return chosen;
}

function caption(group) {
  const alive = group.lanes.filter((lane) => lane.environment.ended === null).length;
  const parts = [plural(group.lanes.length, "environment")];
  if (alive && alive !== group.lanes.length) parts[0] += `, ${alive} alive`;
  parts.push(plural(group.count, "call"));
  if (group.cold) parts.push(`${group.cold} cold (${percent(group.cold, group.count)})`);
  if (group.failed) parts.push(`${group.failed} failed`);
  return lanes.width < 640 ? parts.slice(1).join(" · ") : parts.join(" · ");
}

function boundsOf(chosen) {
  let from = Infinity;
  let to = -Infinity;
  for (const each of lanes_busy(chosen)) {
    from = Math.min(from, each.start);
    to = Math.max(to, each.end);
  }
  if (!Number.isFinite(from)) return { from: now() - 60_000, to: now() };
  // Environments may be older than what is looked at.
  if (!archive && place.since !== "all") from = Math.max(from, now() - Number(place.since) * 1000);
  return { from, to: archive ? to : Math.max(to, now()) };
}

function* lanes_busy(chosen) {
  for (const group of chosen) {
    for (const lane of group.lanes) {
      yield { start: lane.environment.requested, end: lane.environment.ended ?? lane.environment.requested };
      for (const bar of lane.bars) yield bar;
      yield* lane.waits;
    }
    for (const each of group.refused) yield { start: each.time, end: each.time };
    yield* group.waiting;
  }
}

function showEmpty(chosen) {
  const empty = find("empty");
  empty.hidden = chosen.length > 0 || connection === "connecting";
  if (empty.hidden) return;
  if (model.invocations.size || model.environments.size) {
    fill(empty, h("p", { class: "lead" }, "Nothing matches these filters."),
      h("button", { type: "button", onclick: clearFilters }, "Clear the filters"));
    return;
  }
  const name = find("filters").elements.function.options[1]?.value ?? "hello";
  fill(empty, h("p", { class: "lead" }, "No calls yet."), h("p", {}, "Invoke a function, and its environment appears here:"),
    h("pre", {}, h("code", {}, `localfaas invoke ${name} -e '{"name": "you"}'`)),
    h("p", {}, "or ", h("a", { href: `${prefix}/ui/console` }, "send an event from here"), "."));
}

function showFigures() {
  const found = summary(model, filter);
  fill(find("sentence"), sentence(found).map(([text, strong]) => (strong ? h("strong", {}, text) : text)));
  const causes = [...found.causes].sort((a, b) => b[1] - a[1]);
  fill(find("causes"), causes.length ? h("span", {}, "Why:") : null, causes.map(([cause, count]) =>
    h("button", { type: "button", title: "Show these", onclick: () => search(cause) }, h("b", {}, String(count)), ` ${CAUSES[cause] ?? cause}`)));
  if (model.dropped) find("causes").append(h("span", {}, `The oldest ${plural(model.dropped, "call")} are no longer kept.`));
  if (place.view === "table" && !refresh.forced && isUsed(find("list"))) {
    find("list-note").textContent = "The table is not renewed while you are in it.";
  } else if (place.view === "table") {
    showTable(find("list"), find("list-note"), model, filter, (each) => openInvocation(each.raw));
  }
  if (place.view === "spread") spreadSoon(found);
}

// Somebody selects a text of it, or has the keyboard's focus there.
function isUsed(element) {
  const selection = document.getSelection();
  const selects = selection && !selection.isCollapsed && element.contains(selection.anchorNode);
  return selects || element.contains(document.activeElement);
}

// Curves are drawn anew once a second at most: who points at them wants to read.
let spreading = null;
let spreadAt = -Infinity;
function spreadSoon(found) {
  clearTimeout(spreading);
  spreading = setTimeout(() => {
    spreadAt = performance.now();
    showSpread(find("spread"), found, archive ? null : `${prefix}/ui/static/vendor`);
  }, Math.max(0, spreadAt + 1000 - performance.now()));
}

function showState() {
  const state = find("live");
  const paused = find("paused");
  state.className = `live ${connection === "on" ? (lanes.live ? "on" : "paused") : connection === "off" ? "off" : ""}`;
  const words = { connecting: "Connecting…", off: "Not reachable, trying again…", archive: archive ? `Recorded ${new Date(model.now).toLocaleString()}` : "Nothing is recorded" };
  state.lastElementChild.textContent = words[connection] ?? (lanes.live ? "Live" : "Paused");
  paused.hidden = connection === "archive" || lanes.live || place.view !== "lanes" || shownRevision < 0;
  paused.textContent = missed ? `Paused: ${plural(missed, "new call")}. Follow` : "Paused. Follow";
}

// --- the address ---------------------------------------------------------------------------------

let remembering = null;
function remember() {
  clearTimeout(remembering);
  remembering = setTimeout(() => {
    const { from, to } = lanes.window;
    const moves = !lanes.live && !lanes.fit;
    place.from = moves ? from : null;
    place.to = moves ? to : null;
    writeAddress(filter, place);
    showFilters();
  }, 150);
}

// --- filters -------------------------------------------------------------------------------------

const form = find("filters");

function showFilters() {
  const { elements } = form;
  const [name = ""] = filter.functions;
  if (name && ![...elements.function.options].some((each) => each.value === name)) elements.function.append(h("option", {}, name));
  elements.function.value = name;
  if (document.activeElement !== elements.text) elements.text.value = filter.text;
  if (document.activeElement !== elements.slow) elements.slow.value = filter.slow ?? "";
  form.querySelector(".slow").hidden = filter.slow === null;
  if (elements.since) elements.since.value = place.since;
  if (elements.fold) elements.fold.value = place.fold;
  for (const key of ["cold", "failed"]) form.querySelector(`[data-toggle=${key}]`).setAttribute("aria-pressed", String(filter[key]));
  form.querySelector("[data-toggle=slow]").setAttribute("aria-pressed", String(filter.slow !== null));
  for (const tab of form.querySelectorAll("[data-view]")) tab.setAttribute("aria-pressed", String(tab.dataset.view === place.view));
  for (const [id, view] of [["lanes", "lanes"], ["list", "table"], ["spread", "spread"]]) find(id).hidden = place.view !== view;
  form.querySelector(".tools").hidden = find("legend").hidden = place.view !== "lanes";
  const query = location.search;
  const only = filter.functions.map((each) => `&function=${encodeURIComponent(each)}`).join("");
  const json = form.querySelector("[data-export=json]");
  if (json) json.href = `${prefix}/timeline?limit=10000${only}`;
  const html = form.querySelector("[data-export=html]");
  if (html) html.href = `${prefix}/ui/export?${only.slice(1)}`;
  const compare = form.querySelector("[data-compare]");
  if (compare) compare.href = `${prefix}/ui/compare${query}`;
}

// Names of functions that are recorded, and no longer there.
function offerFunctions() {
  const select = form.elements.function;
  const known = new Set([...select.options].map((each) => each.value));
  const names = new Set([...model.environments.values()].map((each) => each.raw.function));
  for (const name of [...names].sort()) if (!known.has(name)) select.append(h("option", {}, name));
}

function changed() {
  writeAddress(filter, place);
  showFilters();
  force();
  // Other lanes have other folds: the window may have moved.
  remember();
}

function search(text) {
  filter.text = text;
  filter.cold = true;
  form.elements.text.value = text;
  changed();
}

function clearFilters() {
  Object.assign(filter, { functions: [], failed: false, cold: false, slow: null, text: "" });
  form.elements.text.value = "";
  changed();
}

// Three times what a call takes usually is slow, if nobody says otherwise.
function usuallySlow() {
  const found = summary(model, { ...filter, failed: false, cold: false, slow: null, text: "" });
  const times = [...found.warm_ms, ...found.cold_ms].sort((a, b) => a - b);
  const usual = times[Math.floor(times.length / 2)] ?? 33;
  return Number((usual * 3).toPrecision(2));
}

form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("input", (event) => {
  const { name, value } = event.target;
  if (name === "text") filter.text = value.trim();
  else if (name === "slow") filter.slow = value === "" ? 0 : Number(value);
  else return;
  changed();
});
form.addEventListener("change", (event) => {
  const { name, value } = event.target;
  if (name === "function") filter.functions = value ? [value] : [];
  else if (name === "fold") {
    place.fold = value;
    fold();
  } else if (name === "since") {
    place.since = value;
    connect();
  } else return;
  changed();
});
form.addEventListener("click", (event) => {
  const { toggle, view, act } = event.target.closest("button")?.dataset ?? {};
  if (toggle === "slow") filter.slow = filter.slow === null ? usuallySlow() : null;
  else if (toggle) filter[toggle] = !filter[toggle];
  else if (view) place.view = view;
  else if (act === "fit") return lanes.showAll();
  else if (act === "in" || act === "out") return lanes.zoom(act === "in" ? 1 / 1.6 : 1.6);
  else return;
  changed();
});

function fold() {
  lanes.least = place.fold === "auto" ? null : place.fold === "never" ? Infinity : Number(place.fold);
}

document.addEventListener("keydown", (event) => {
  if (event.target.closest("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") {
    event.preventDefault();
    form.elements.text.focus();
  } else if (event.key === "Escape") closeDrawer();
  else if (event.target === document.body && place.view === "lanes") key(lanes, event);
});
document.addEventListener("click", (event) => {
  const menu = form.querySelector("details.menu");
  if (menu?.open && !menu.contains(event.target)) menu.open = false;
});
find("paused").addEventListener("click", () => {
  place.from = place.to = null;
  lanes.fit = true;
  lanes.goLive();
  force();
});

// --- the drawer ----------------------------------------------------------------------------------

const drawer = find("drawer");
let opener = null;

async function openInvocation(raw) {
  if (drawer.hidden) opener = document.activeElement;
  place.invocation = String(raw.id ?? raw.request_id);
  writeAddress(filter, place);
  const key = place.invocation;
  if (drawer.hidden) showDrawer(h("p", { class: "lead" }, "Looking…"), raw.request_id);
  const found = await details(key, raw);
  if (place.invocation !== key) return;
  if (found && found.invocation.ended === null && !archive) {
    // It has its answer, and its own number, when it has ended.
    setTimeout(() => place.invocation === key && openInvocation(found.invocation), 500);
  }
  showDrawer(found ? detail(found, { endpoint, prefix, again: archive ? null : again })
    : h("p", { class: "lead" }, "This invocation is not known, or no longer kept."), raw.request_id);
}

async function details(key, raw) {
  // What the lanes know of it already.
  const current = model.running.find((each) => each.raw.request_id === raw.request_id)?.raw ?? raw;
  const environment = model.environments.get(current.environment)?.raw ?? null;
  const known = current.function ? { invocation: current, environment, event: null, answer: null, log: [] } : null;
  if (archive) return archive.details?.[key] ?? known;
  try {
    const answer = await fetch(`${prefix}/invocations/${encodeURIComponent(key)}`);
    return answer.ok ? await answer.json() : known;
  } catch {
    return known;
  }
}

function showDrawer(content, requestId) {
  fill(drawer, h("div", { class: "bar-top" },
    archive ? null : h("a", { class: "button", href: `${prefix}/ui/invocations/${encodeURIComponent(requestId)}` }, "Open as a page"),
    h("button", { type: "button", "aria-label": "Close", onclick: closeDrawer }, "Close")), content);
  if (drawer.hidden) {
    drawer.hidden = false;
    drawer.focus({ preventScroll: true });
  }
}

function closeDrawer() {
  if (drawer.hidden) return;
  drawer.hidden = true;
  place.invocation = null;
  writeAddress(filter, place);
  opener?.focus?.({ preventScroll: true });
}

async function again(found, button) {
  const { invokeAgain } = await import("./again.js");
  await invokeAgain(prefix, found, button);
}

// --- what comes ----------------------------------------------------------------------------------

function connect() {
  source?.close();
  order = [];
  source = new Source(prefix, place.since, {
    reset: () => {
      model.clear();
      missed = 0;
      shownRevision = -1;
    },
    refused: (reason) => {
      connection = "archive";
      fill(find("sentence"), reason);
      showState();
    },
    document: (document) => {
      receivedAt = performance.now();
      const news = model.apply(document);
      if (!lanes.live) missed += document.invocations?.length && shownRevision >= 0 ? document.invocations.length : 0;
      connection = connection === "connecting" ? "on" : connection;
      offerFunctions();
      if (news || shownRevision < 0) refreshSoon();
    },
    state: (state) => {
      connection = state;
      showState();
    },
  });
  source.open();
}

// The page first, then what is recorded: the emulator loads the code that answers with it.
function afterPaint(act) {
  if (document.hidden) act();
  else requestAnimationFrame(() => setTimeout(act));
}

setInterval(() => {
  if (document.hidden || archive || !lanes.live || shownRevision < 0 || place.view !== "lanes") return;
  lanes.tick(now());
}, 250);

// --- the start -----------------------------------------------------------------------------------

showLegend(find("legend"));
fold();
showFilters();
if (archive) {
  model.apply(archive);
  offerFunctions();
  refresh();
} else afterPaint(connect);
if (place.invocation) openInvocation({ id: null, request_id: place.invocation });
// For tests, and for whoever is curious.
window.localfaas = { model, lanes };
