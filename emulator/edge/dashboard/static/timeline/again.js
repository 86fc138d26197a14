// Invokes a function with an event that was kept.

export async function invokeAgain(prefix, found, button) {
  const raw = found.invocation;
  button.disabled = true;
  button.textContent = "Invoking…";
  const form = new URLSearchParams({ function: raw.function_arn, kind: "RequestResponse", payload: found.event });
  if (raw.version !== "$LATEST") form.set("qualifier", raw.version);
  let text = "It did not work";
  try {
    const answer = await fetch(`${prefix}/ui/console`, { method: "POST", body: form });
    text = answer.ok ? "Invoked" : `Refused (${answer.status})`;
  } catch {
    text = "Not reachable";
  }
  button.disabled = false;
  button.textContent = text;
  setTimeout(() => (button.textContent = "Invoke again"), 1600);
}
