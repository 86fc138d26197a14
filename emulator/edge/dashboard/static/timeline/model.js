// What the emulator recorded, by its own documents (docs/timeline.md), and what of it is drawn.
// The documents have seconds; everything here is milliseconds since the epoch.

const MS = 1000;
// Invocations that a page keeps; the oldest go first.
const MOST = 20_000;
const FAILED = new Set(["error", "timeout", "throttled", "refused"]);

export class Model {
  constructor() {
    this.environments = new Map();
    this.invocations = new Map();
    this.running = [];
    this.now = Date.now();
    this.knownFrom = null;
    this.dropped = 0;
    this.cursor = null;
    // Grows with each change.
    this.revision = 0;
  }

  clear() {
    this.environments.clear();
    this.invocations.clear();
    this.running = [];
    this.revision += 1;
  }

  // Take in a document; returns whether there is anything new to show.
  apply(document) {
    this.now = document.now * MS;
    this.cursor = document.cursor ?? this.cursor;
    this.knownFrom = (document.known_from ?? 0) * MS || this.knownFrom;
    this.dropped = document.dropped ?? this.dropped;
    for (const raw of document.environments ?? []) {
      const known = this.environments.get(raw.id);
      if (!known || known.raw.revision <= raw.revision) {
        this.environments.set(raw.id, { raw, requested: raw.requested * MS, ended: at(raw.ended) });
      }
    }
    for (const raw of document.invocations ?? []) this.invocations.set(raw.id, invocation(raw));
    const ran = this.running.length;
    this.running = (document.running ?? []).map(invocation);
    const news = document.environments?.length || document.invocations?.length;
    if (news || ran || this.running.length) this.revision += 1;
    this.trim();
    return Boolean(news || ran || this.running.length);
  }

  trim() {
    if (this.invocations.size <= MOST) return;
    let surplus = this.invocations.size - MOST;
    for (const id of this.invocations.keys()) {
      if (surplus-- <= 0) break;
      this.invocations.delete(id);
    }
    let oldest = Infinity;
    for (const each of this.invocations.values()) oldest = Math.min(oldest, each.requested);
    for (const [id, each] of this.environments) {
      if (each.ended !== null && each.ended < oldest) this.environments.delete(id);
    }
  }
}

function at(seconds) {
  return seconds === null || seconds === undefined ? null : seconds * MS;
}

function invocation(raw) {
  return {
    raw,
    requested: raw.requested * MS,
    started: at(raw.started),
    ended: at(raw.ended),
    failed: FAILED.has(raw.status),
    refused: raw.status === "throttled" || raw.status === "refused",
  };
}

// --- filters -------------------------------------------------------------------------------------

// filter: {functions: [name], failed, cold, slow (ms) or null, text}
export function passes(filter, each) {
  const { raw } = each;
  if (filter.functions.length && !filter.functions.includes(raw.function)) return false;
  if (filter.failed && !each.failed) return false;
  if (filter.cold && !raw.cold) return false;
  if (filter.slow !== null && !(took(each) >= filter.slow)) return false;
  return !filter.text || hasWords(textOf(each), filter.text.toLowerCase());
}

// All words are there; none of those with a minus before them.
function hasWords(text, wanted) {
  return wanted.split(/\s+/).every((word) => (
    word.length > 1 && word.startsWith("-") ? !text.includes(word.slice(1)) : text.includes(word)
  ));
}

export function chooses(filter) {
  return Boolean(filter.failed || filter.cold || filter.slow !== null || filter.text);
}

// From the caller's request to the end.
export function took(each) {
  return each.raw.total_ms ?? (each.ended === null ? NaN : each.ended - each.requested);
}

function textOf(each) {
  const { raw } = each;
  each.text ??= [raw.request_id, raw.function, raw.version, raw.status, raw.error_type, raw.reason,
    raw.environment, raw.why?.cause, raw.why?.sentence].filter(Boolean).join(" ").toLowerCase();
  return each.text;
}

// --- lanes ---------------------------------------------------------------------------------------

// Phases in which nobody waits and nothing runs.
const QUIET = new Set(["frozen", "stopping"]);

// Groups of lanes, one for each function and version; newest work first. In a group, the lanes of
// environments, the youngest first.
export function groups(model, filter, window = null) {
  const found = new Map();
  const group = (raw) => {
    const key = `${raw.account}:${raw.region}:${raw.function}:${raw.version}`;
    let each = found.get(key);
    if (!each) {
      each = { key, function: raw.function, version: raw.version, lanes: [], refused: [],
        waiting: [], count: 0, cold: 0, failed: 0, latest: 0 };
      found.set(key, each);
    }
    return each;
  };
  const wanted = (raw) => !filter.functions.length || filter.functions.includes(raw.function);
  const inside = (from, to) => !window || (to >= window.from && from <= window.to);
  const lanes = new Map();
  for (const environment of model.environments.values()) {
    const { raw } = environment;
    if (!wanted(raw) || !inside(environment.requested, environment.ended ?? Infinity)) continue;
    const lane = { id: raw.id, environment, bars: [], waits: [], marks: [], matches: 0 };
    lanes.set(raw.id, lane);
    const owner = group(raw);
    owner.lanes.push(lane);
    owner.latest = Math.max(owner.latest, environment.requested);
    addPhases(lane, model.now);
  }
  const all = [...model.invocations.values(), ...model.running];
  for (const each of all) {
    if (!wanted(each.raw) || !inside(each.requested, each.ended ?? Infinity)) continue;
    const matches = passes(filter, each);
    const owner = group(each.raw);
    owner.latest = Math.max(owner.latest, each.ended ?? each.started ?? each.requested);
    if (matches) {
      owner.count += 1;
      owner.cold += each.raw.cold ? 1 : 0;
      owner.failed += each.failed ? 1 : 0;
    }
    const lane = lanes.get(each.raw.environment);
    if (each.refused) owner.refused.push({ time: each.requested, invocation: each, dim: !matches });
    else if (lane) addInvocation(lane, each, model.now, !matches);
    else if (each.started === null) owner.waiting.push(wait(each, model.now, !matches));
  }
  const chosen = [...found.values()];
  for (const each of chosen) {
    if (chooses(filter)) {
      each.lanes = each.lanes.filter((lane) => lane.matches);
      each.refused = each.refused.filter((mark) => !mark.dim);
    }
    nameKinds(each.lanes);
    each.lanes.sort((a, b) => b.environment.requested - a.environment.requested);
    for (const lane of each.lanes) {
      lane.bars.sort((a, b) => a.start - b.start);
      lane.waits.sort((a, b) => a.start - b.start);
    }
  }
  return chosen.filter((each) => each.lanes.length || each.refused.length || each.waiting.length)
    .sort((a, b) => b.latest - a.latest);
}

const PROVISIONED = "provisioned-concurrency";

// What sort of environment it is, where there are several: spill-over is what provisioned
// concurrency had no room for.
function nameKinds(lanes) {
  const provisioned = lanes.filter((lane) => lane.environment.raw.initialization_type === PROVISIONED);
  for (const lane of lanes) {
    const { raw } = lane.environment;
    if (raw.initialization_type === PROVISIONED) lane.sort = "provisioned";
    else if (raw.initialization_type === "snap-start") lane.sort = "restored";
    else if (raw.why?.cause === "scaled") lane.sort = "kept ready";
    else if (provisioned.some((each) => alongside(each.environment, lane.environment))) lane.sort = "spill-over";
  }
}

function alongside(one, other) {
  return one.requested <= other.requested && (one.ended ?? Infinity) > other.requested;
}

function addPhases(lane, now) {
  const { raw, ended } = lane.environment;
  for (const phase of raw.phases) {
    const start = phase.start * MS;
    const end = at(phase.end) ?? ended ?? now;
    if (phase.name === "reset") lane.marks.push({ time: start, kind: "reset", text: phase.detail });
    else {
      lane.bars.push({ start, end, kind: phase.name, phase, lane, open: phase.end === null,
        simulated: phase.simulated, imports: phase.name === "init" ? raw.imports : null });
    }
  }
  if (ended !== null) {
    const kind = ["crashed", "failed", "lost"].includes(raw.ended_cause) ? "killed" : "reaped";
    lane.marks.push({ time: ended, kind, text: raw.ended_reason || raw.ended_cause || "" });
  }
}

function addInvocation(lane, each, now, dim) {
  if (!dim) lane.matches += 1;
  if (each.started === null) {
    lane.waits.push(wait(each, now, dim));
    return;
  }
  const { raw } = each;
  if (each.started - each.requested > 0.05) lane.waits.push(wait(each, each.started, dim));
  const own = raw.phases?.find((phase) => phase.name === "invoke");
  lane.bars.push({
    start: own ? own.start * MS : each.started,
    end: (own && at(own.end)) ?? each.ended ?? now,
    kind: raw.cold ? "first" : "warm",
    failed: each.failed,
    open: each.ended === null,
    simulated: Boolean(own?.simulated),
    invocation: each,
    lane,
    dim,
  });
  if (raw.status === "timeout") lane.marks.push({ time: each.ended, kind: "timeout", text: "timed out" });
}

function wait(each, end, dim) {
  return { start: each.requested, end, kind: "queued", invocation: each, dim };
}

// Everything that takes time in groups, for folds and the overview: [{start, end}].
export function busyOf(chosen) {
  const busy = [];
  for (const group of chosen) {
    for (const lane of group.lanes) {
      for (const bar of lane.bars) if (!QUIET.has(bar.kind)) busy.push(bar);
      for (const each of lane.waits) busy.push(each);
      for (const mark of lane.marks) busy.push({ start: mark.time, end: mark.time });
    }
    for (const each of group.refused) busy.push({ start: each.time, end: each.time });
    for (const each of group.waiting) busy.push(each);
  }
  return busy;
}

// --- the sentence --------------------------------------------------------------------------------

// What cold starts there were, what they cost their callers, and why: as figures.
export function summary(model, filter, window = null) {
  const found = { count: 0, cold: 0, coldMs: 0, failed: 0, throttled: 0, cost: 0, causes: new Map(),
    cold_ms: [], warm_ms: [] };
  for (const each of model.invocations.values()) {
    if (window && (each.ended < window.from || each.requested > window.to)) continue;
    if (!passes(filter, each)) continue;
    const { raw } = each;
    found.cost += raw.cost_usd ?? 0;
    found.failed += each.failed ? 1 : 0;
    if (raw.status === "throttled") found.throttled += 1;
    if (each.refused) continue;
    found.count += 1;
    (raw.cold ? found.cold_ms : found.warm_ms).push(took(each));
    if (!raw.cold) continue;
    found.cold += 1;
    found.coldMs += raw.waited_ms ?? 0;
    const cause = raw.why?.cause ?? "unknown";
    found.causes.set(cause, (found.causes.get(cause) ?? 0) + 1);
  }
  return found;
}
