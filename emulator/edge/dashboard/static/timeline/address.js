// What is looked at stands in the address, so that it can be kept and sent.

export function readFilter(search = location.search) {
  const query = new URLSearchParams(search);
  const slow = query.get("slow");
  return {
    functions: query.getAll("function"),
    failed: query.get("failed") === "true",
    cold: query.get("cold") === "true",
    slow: slow === null || !Number.isFinite(Number(slow)) ? null : Number(slow),
    text: query.get("text") ?? "",
  };
}

export function readPlace(search = location.search) {
  const query = new URLSearchParams(search);
  const number = (name) => {
    const value = query.get(name);
    return value !== null && Number.isFinite(Number(value)) ? Number(value) * 1000 : null;
  };
  const view = query.get("view");
  return {
    from: number("from"),
    to: number("to"),
    since: ["300", "3600", "86400", "all"].includes(query.get("since")) ? query.get("since") : "3600",
    view: ["table", "spread"].includes(view) ? view : "lanes",
    invocation: query.get("invocation"),
    fold: ["1000", "10000", "never"].includes(query.get("fold")) ? query.get("fold") : "auto",
  };
}

export function writeAddress(filter, place) {
  const query = new URLSearchParams();
  for (const name of filter.functions) query.append("function", name);
  if (filter.cold) query.set("cold", "true");
  if (filter.failed) query.set("failed", "true");
  if (filter.slow !== null) query.set("slow", String(filter.slow));
  if (filter.text) query.set("text", filter.text);
  if (place.since !== "3600") query.set("since", place.since);
  if (place.view !== "lanes") query.set("view", place.view);
  if (place.fold !== "auto") query.set("fold", place.fold);
  if (place.from !== null && place.to !== null) {
    query.set("from", (place.from / 1000).toFixed(6));
    query.set("to", (place.to / 1000).toFixed(6));
  }
  if (place.invocation) query.set("invocation", place.invocation);
  const text = String(query).replaceAll("%24LATEST", "$LATEST");
  // An exported file has no address to write to.
  if (location.protocol.startsWith("http")) history.replaceState(null, "", text ? `?${text}` : location.pathname);
}
