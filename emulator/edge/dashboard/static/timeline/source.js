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
    this.cursor = null;
    // A browser has few connections for all of its tabs: who is not looked at leaves them alone.
    this.look = () => (document.hidden ? this.rest() : this.resume());
    document.addEventListener("visibilitychange", this.look);
  }

  rest() {
    this.stream?.close();
    this.stream = null;
  }

  resume() {
    if (!this.closed && !this.stream && this.cursor) this.follow();
  }

  async open() {
    if (this.closed) return;
    this.cursor = null;
    try {
      const query = new URLSearchParams({ limit: "10000" });
      if (this.since !== "all") query.set("since", String(-this.since));
      const answer = await fetch(`${this.prefix}/timeline?${query}`);
      if (answer.status === 404) {
        this.on.refused((await answer.json()).detail);
        return;
      }
      if (!answer.ok) throw new Error(`${answer.status}`);
      const found = await answer.json();
      if (this.closed) return;
      this.failures = 0;
      this.cursor = found.cursor;
      this.on.reset();
      this.on.document(found);
      if (!document.hidden) this.follow();
    } catch {
      this.again();
    }
  }

  follow() {
    const query = `?cursor=${encodeURIComponent(this.cursor)}`;
    const stream = new EventSource(`${this.prefix}/timeline/follow${query}`);
    this.stream = stream;
    stream.addEventListener("open", () => {
      this.failures = 0;
      this.on.state("on");
    });
    stream.addEventListener("changes", (event) => {
      const found = JSON.parse(event.data);
      this.cursor = found.cursor;
      this.on.document(found);
    });
    stream.addEventListener("reset", () => {
      this.rest();
      this.open();
    });
    stream.addEventListener("error", () => {
      this.on.state("off");
      // A browser tries again by itself while nobody answers, and gives up where somebody refuses.
      if (stream.readyState !== EventSource.CLOSED || this.stream !== stream) return;
      this.rest();
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
    document.removeEventListener("visibilitychange", this.look);
    this.rest();
  }
}
