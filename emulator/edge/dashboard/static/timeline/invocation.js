// The page of one invocation.

import { invokeAgain } from "./again.js";
import { detail } from "./detail.js";
import { fill, h } from "./dom.js";

const main = document.getElementById("main");
const { prefix, request } = main.dataset;
const place = document.getElementById("detail");
const POLL_MS = 1000;

async function show() {
  let answer;
  try {
    answer = await fetch(`${prefix}/invocations/${encodeURIComponent(request)}`);
  } catch {
    setTimeout(show, POLL_MS);
    return;
  }
  if (!answer.ok) {
    fill(place, h("h1", {}, "Not here"), h("p", { class: "lead" }, "This invocation is not known, has not ended yet, or is no longer kept."));
    setTimeout(show, POLL_MS);
    return;
  }
  const found = await answer.json();
  fill(place, detail(found, { endpoint: location.origin, prefix, again: (each, button) => invokeAgain(prefix, each, button) }));
  document.title = `${found.invocation.function} · localfaas`;
  if (found.invocation.ended === null) setTimeout(show, POLL_MS);
}

show();
