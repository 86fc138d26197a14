// What the pointer is on: a name, an exact time, and why.

import { fill, h, plain } from "./dom.js";
import { clock, duration, exactMs } from "./format.js";
import { MARKS, PHASES, STATUS, why } from "./words.js";

export function tipFor(element) {
  return (found, x, y) => {
    if (!found) {
      element.hidden = true;
      return;
    }
    fill(element, lines(found));
    element.hidden = false;
    const { offsetWidth: width, offsetHeight: height } = element;
    const left = x + 16 + width > innerWidth ? Math.max(6, x - width - 12) : x + 16;
    const top = y + 18 + height > innerHeight ? Math.max(6, y - height - 12) : y + 18;
    element.style.left = `${left}px`;
    element.style.top = `${top}px`;
  };
}

// A bar that was chosen by keys, as one text: for those who don't see it.
export function spoken(bar) {
  const name = PHASES[bar.kind] ?? bar.kind;
  const owner = bar.lane.environment.raw;
  const more = bar.invocation ? `${STATUS[bar.invocation.raw.status]}. ${why(bar.invocation.raw)}` : "";
  return plain(`${owner.function} ${owner.version}, ${name}, ${exactMs(bar.end - bar.start)}. ${more}`);
}

function lines({ row, bar, wait, refused, mark }) {
  const owner = `${row.group.function} ${row.group.version}`;
  if (refused) {
    const { raw } = refused.invocation;
    return [h("b", {}, STATUS[raw.status] ?? raw.status), line(owner), line(why(raw)), line(clock(refused.time, 1))];
  }
  if (wait) {
    return [h("b", {}, `waited ${exactMs(wait.end - wait.start)}`), line(owner), line(why(wait.invocation.raw)),
      line(wait.invocation.raw.request_id)];
  }
  if (mark) return [h("b", {}, MARKS[mark.kind] ?? mark.kind), line(plain(mark.text)), line(clock(mark.time, 1))];
  const name = PHASES[bar.kind] ?? bar.kind;
  const head = h("b", {}, `${name}  ${exactMs(bar.end - bar.start)}${bar.open ? " so far" : ""}`);
  if (!bar.invocation) {
    const { raw } = bar.lane.environment;
    return [head, line(owner), raw.why ? line(`Started because ${raw.why.sentence}.`) : null,
      bar.phase?.detail ? line(plain(bar.phase.detail)) : null, bar.simulated ? line("Simulated: a profile added it.") : null,
      ...imported(bar.imports),
      line(`from ${clock(bar.start, 1)}`)];
  }
  const { raw } = bar.invocation;
  const failed = bar.failed ? h("div", { class: "bad" }, `${STATUS[raw.status]} ${raw.error_type ?? ""}`) : null;
  return [head, line(owner), failed, line(why(raw)), line(`from ${clock(bar.start, 1)}`), line(raw.request_id)];
}

// The most expensive imports.
function imported(imports) {
  const chosen = [...(imports ?? [])].sort((a, b) => b.total_ms - a.total_ms).slice(0, 5);
  return chosen.map((each) => line(`${duration(each.total_ms)}  ${plain(each.module)}`));
}

function line(text) {
  return h("div", {}, text);
}
