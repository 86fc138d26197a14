// One invocation: why it took what it took, what came in and went out, and what it logged.

import { cli, curl, pytest } from "./copies.js";
import { h, plain } from "./dom.js";
import { bytes, clock, duration, exactMs } from "./format.js";
import { PHASES, STATUS, why } from "./words.js";

const PLATFORM = /^(INIT_START|START|END|REPORT|EXTENSION|TELEMETRY|RESTORE_START|RESTORE_REPORT|INIT_REPORT|XRAY)\b/;

// found: what GET /invocations/{id} answers. options: {endpoint, prefix, again(found) or null}
export function detail(found, options) {
  const raw = found.invocation;
  return h("article", { class: "detail" },
    h("h1", {}, `${raw.function} `, h("span", { class: "small" }, raw.version)),
    h("p", { class: "small mono" }, raw.request_id),
    h("p", {}, tag(raw), " ", raw.cold ? h("span", { class: "tag cold" }, "cold") : null,
      found.attempts?.length > 1 ? h("span", { class: "small" }, ` one of ${found.attempts.length} attempts`) : null),
    h("p", { class: "why" }, why(raw)),
    raw.error_type ? h("p", { class: "notice bad" }, plain(`${raw.error_type} ${raw.reason ?? ""}`)) : null,
    actions(found, options),
    h("h3", {}, "Where the time went"),
    waterfall(raw, found.environment),
    facts(raw, found.environment),
    text("Event", found.event, found.event_cut, "It is no longer kept."),
    text("Answer", found.answer, found.answer_cut, raw.ended === null ? "It runs." : "It is not kept, or there was none.", raw.status === "error" || raw.status === "timeout"),
    log(found.log),
  );
}

function tag(raw) {
  const bad = ["error", "timeout", "throttled", "refused"].includes(raw.status);
  return h("span", { class: bad ? "tag bad" : "tag" }, STATUS[raw.status] ?? raw.status);
}

// --- what can be done ----------------------------------------------------------------------------

function actions(found, { endpoint, again, prefix }) {
  const { event, answer, event_cut: cut } = found;
  const raw = found.invocation;
  if (event === null || event === undefined || cut) return null;
  const copies = [
    ["curl", () => curl(raw, event, endpoint)],
    ["CLI", () => cli(raw, event, endpoint)],
    ["pytest", () => pytest(raw, event, found.answer_cut ? null : answer, endpoint)],
  ];
  return h("div", { class: "actions" },
    again ? h("button", { class: "primary", onclick: (click) => again(found, click.currentTarget) }, "Invoke again") : null,
    again ? h("button", { onclick: () => toConsole(raw, event, prefix) }, "Edit and send") : null,
    copies.map(([name, make]) => h("button", { "data-copy": name, onclick: (click) => copy(make(), click.currentTarget) }, `Copy as ${name}`)),
  );
}

function toConsole(raw, event, prefix) {
  sessionStorage.setItem("event", event);
  location.href = `${prefix}/ui/console?function=${encodeURIComponent(raw.function_arn)}`;
}

export async function copy(text, button) {
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    // Without permission, or on a page without a secure origin, the browser copies a selection.
    const area = h("textarea", { class: "hidden" });
    area.value = text;
    document.body.append(area);
    area.select();
    button.textContent = document.execCommand("copy") ? "Copied" : "The browser does not let me";
    area.remove();
  }
  button.dataset.copied = text;
  setTimeout(() => (button.textContent = label), 1400);
}

// --- the waterfall -------------------------------------------------------------------------------

function waterfall(raw, environment) {
  const phases = (raw.phases ?? []).filter((phase) => phase.start !== null);
  if (!phases.length) return h("p", { class: "small" }, "It did not run.");
  const start = Math.min(raw.requested, ...phases.map((phase) => phase.start));
  const end = Math.max(...phases.map((phase) => phase.end ?? raw.ended ?? phase.start), raw.ended ?? 0);
  const whole = Math.max(end - start, 1e-6);
  const place = (element, from, to) => {
    element.style.left = `${(100 * (from - start)) / whole}%`;
    element.style.width = `${(100 * Math.max(0, to - from)) / whole}%`;
    return element;
  };
  const steps = [];
  for (const phase of phases) {
    const until = phase.end ?? raw.ended ?? end;
    const kind = phase.name === "invoke" ? (raw.cold ? "first" : "warm") : phase.name;
    const failed = phase.name === "invoke" && (raw.status === "error" || raw.status === "timeout");
    const bar = h("i", { class: `bar swatch ${failed ? "failed" : kind}${phase.simulated ? " simulated" : ""}` });
    steps.push(h("div", { class: "step" }, h("span", {}, `${PHASES[kind] ?? kind}${phase.simulated ? ", simulated" : ""}`), h("span", { class: "track" }, place(bar, phase.start, until)),
      h("span", { title: exactMs((until - phase.start) * 1000) }, duration((until - phase.start) * 1000))));
    if (["init", "reinit"].includes(phase.name) && raw.cold) steps.push(...imports(environment, phase, place));
  }
  return h("div", { class: "waterfall" }, steps);
}

function imports(environment, phase, place) {
  return (environment?.imports ?? []).map((each) => {
    const from = phase.start + (each.start_ms ?? 0) / 1000;
    return h("div", { class: "step import" }, h("span", { title: each.module }, plain(each.module)),
      h("span", { class: "track" }, place(h("i", { class: "bar" }), from, from + each.total_ms / 1000)),
      h("span", { title: `itself ${exactMs(each.self_ms)}` }, duration(each.total_ms)));
  });
}

function facts(raw, environment) {
  const rows = [
    ["Requested", clock(raw.requested * 1000, 1)],
    ["The caller waited", duration(raw.total_ms ?? NaN)],
    ["Duration", exactMs(raw.duration_ms ?? NaN)],
    ["Billed", raw.billed_ms === null ? "–" : `${raw.billed_ms} ms`],
    ["On AWS it costs", price(raw.cost_usd)],
    ["INIT", raw.init_ms === null ? null : exactMs(raw.init_ms)],
    ["Restore", raw.restore_ms === null ? null : exactMs(raw.restore_ms)],
    ["Simulated", raw.simulated_ms ? exactMs(raw.simulated_ms) : null],
    ["Memory", raw.used_mb ? `${raw.used_mb} of ${raw.memory_mb} MB` : `${raw.memory_mb} MB`],
    ["Event, answer", `${bytes(raw.event_bytes ?? NaN)}, ${bytes(raw.answer_bytes ?? NaN)}`],
    ["Environment", raw.environment ? `${raw.environment.slice(0, 8)}${environment ? `, ${environment.state}, ${environment.invokes} ${environment.invokes === 1 ? "call" : "calls"}` : ""}` : "none"],
    ["Started as", raw.initialization_type && raw.initialization_type !== "on-demand" ? raw.initialization_type : null],
    ["Tenant", raw.tenant_id || null],
  ];
  return h("dl", { class: "facts" }, rows.filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]).flat());
}

export function price(dollars) {
  if (dollars === null || dollars === undefined) return "–";
  if (dollars === 0) return "nothing";
  const millions = dollars * 1e6;
  return `$${millions < 100 ? millions.toPrecision(3) : millions.toFixed(0)} for a million such calls`;
}

// --- texts ---------------------------------------------------------------------------------------

function text(title, value, cut, missing, bad = false) {
  if (value === null || value === undefined) return h("section", {}, h("h3", {}, title), h("p", { class: "small" }, missing));
  return h("section", {}, h("h3", {}, title), h("pre", { class: bad ? "bad" : "", tabindex: "0" }, h("code", {}, plain(indented(value)) || "(empty)")),
    cut ? h("p", { class: "small" }, "Only its beginning is kept.") : null);
}

function indented(value) {
  try {
    return JSON.stringify(JSON.parse(value), null, 2);
  } catch {
    return value;
  }
}

function log(lines) {
  if (!lines?.length) return h("section", {}, h("h3", {}, "Log"), h("p", { class: "small" }, "No lines."));
  return h("section", {}, h("h3", {}, "Log"), h("pre", { class: "log", tabindex: "0" },
    lines.map((each) => h("span", { class: PLATFORM.test(each.message) ? "platform" : "" }, `${plain(each.message).replace(/\n$/, "")}\n`))));
}
