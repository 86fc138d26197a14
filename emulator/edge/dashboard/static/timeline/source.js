// Where documents come from: the admin API and its stream, or a record within the page.

const RETRY_MS = [500, 1000, 2000, 4000];

// A record within the page (an export), or null.
export function recorded() {
  const element = document.getElementById("recorded");
  return element ? JSON.parse(element.textContent) : null;
}

export class Source {
  // on: {document(document), reset(), refused(reason), state("connecting" | "on" | "off")}
  constructor(prefix, since, on) {
    this.prefix = prefix;
    this.since = since;
    this.on = on;
    this.failures = 0;
    this.closed = false;
  }

  async open() {
    if (this.closed) return;
    try {
      const query = new URLSearchParams({ limit: "10000" });
      if (this.since !== "all") query.set("since", String(-this.since));
      const answer = await fetch(`${this.prefix}/timeline?${query}`);
      if (answer.status === 404) {
        this.on.refused((await answer.json()).detail);
        return;
      }
      if (!answer.ok) throw new Error(`${answer.status}`);
      const document = await answer.json();
      if (this.closed) return;
      this.failures = 0;
      this.on.reset();
      this.on.document(document);
      this.follow(document.cursor);
    } catch {
      this.again();
    }
  }

  follow(cursor) {
    const query = cursor ? `?cursor=${encodeURIComponent(cursor)}` : "";
    const stream = new EventSource(`${this.prefix}/timeline/follow${query}`);
    this.stream = stream;
    stream.addEventListener("open", () => {
      this.failures = 0;
      this.on.state("on");
    });
    stream.addEventListener("changes", (event) => this.on.document(JSON.parse(event.data)));
    stream.addEventListener("reset", () => {
      stream.close();
      this.open();
    });
    stream.addEventListener("error", () => {
      this.on.state("off");
      // A browser tries again by itself while nobody answers, and gives up where somebody refuses.
      if (stream.readyState !== EventSource.CLOSED) return;
      this.again();
    });
  }

  again() {
    if (this.closed) return;
    this.on.state("off");
    const wait = RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)];
    this.failures += 1;
    setTimeout(() => this.open(), wait);
  }

  close() {
    this.closed = true;
    this.stream?.close();
  }
}
