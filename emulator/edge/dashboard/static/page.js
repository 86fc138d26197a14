// What the plain pages need beside htmx.

// Nothing is asked for while nobody looks.
document.addEventListener("htmx:beforeRequest", (event) => {
  const polls = event.detail.elt.getAttribute("hx-trigger")?.startsWith("every");
  if (polls && (document.visibilityState === "hidden" || busyIn(event.detail.elt))) event.preventDefault();
});

// A part in which somebody selects, writes or reads an opened event is left as it is.
function busyIn(part) {
  const selection = document.getSelection();
  if (selection && !selection.isCollapsed && part.contains(selection.anchorNode)) return true;
  const writes = document.activeElement?.matches("input, select, textarea");
  return (writes && part.contains(document.activeElement)) || Boolean(part.querySelector("details[open]"));
}

const problem = document.querySelector("[data-problem]");
const payload = document.querySelector("textarea[name=payload]");

function check() {
  if (!payload || !problem) return;
  try {
    if (payload.value.trim()) JSON.parse(payload.value);
    problem.textContent = "";
  } catch (error) {
    problem.textContent = `Not JSON: ${error.message}`;
  }
}

payload?.addEventListener("input", check);
payload?.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) payload.form.requestSubmit();
});

document.querySelector("[data-sample]")?.addEventListener("change", async (event) => {
  const { value, dataset } = event.target;
  if (!value) return;
  const answer = await fetch(`${dataset.sample}?title=${encodeURIComponent(value)}`);
  if (answer.ok) payload.value = await answer.text();
  check();
});

// An event that the invocation's page hands over.
const handed = sessionStorage.getItem("event");
if (handed !== null && payload) {
  payload.value = handed;
  sessionStorage.removeItem("event");
  check();
}
