// HTTP/1.1 to the Runtime API, spoken by hand over a blocking file descriptor.
//
// Blocking is what Lambda does to a runtime that waits for work: its process is frozen, timers
// and sockets of the function included. It is also the fastest way: one write, one read, and
// neither `net` nor `http` is loaded.

import fs from 'node:fs';

const API = '/2018-06-01/runtime/';
let host = 'localhost';
export let NEXT = next();

/** Address requests to `authority`: over TCP its name may be what tells whose connection it is. */
export function addressTo(authority) {
  host = authority;
  NEXT = next();
}

function next() {
  return `GET ${API}invocation/next HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
}

/** Build a POST as text: the next request can go out in the same write. */
export function post(path, body, errorType = '') {
  const type = errorType && `Lambda-Runtime-Function-Error-Type: ${headerValue(errorType)}\r\n`;
  return (
    `POST ${API}${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n${type}` +
    `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  );
}

/** Build a POST that reports the error `payload`. */
export function postError(path, payload) {
  return post(path, JSON.stringify(payload), payload.errorType);
}

/** Build the head of a POST whose body follows in chunks. */
export function postChunked(path, contentType) {
  return (
    `POST ${API}${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: ${headerValue(contentType)}\r\n` +
    'Lambda-Runtime-Function-Response-Mode: streaming\r\n' +
    'Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n' +
    'Transfer-Encoding: chunked\r\n\r\n'
  );
}

/** Keep a name that user code chose from adding headers of its own. */
export function headerValue(text) {
  return String(text).replace(/[^\x20-\x7e]/g, '?');
}

/** Cuts a byte stream into HTTP responses. `room()` lends space to read into. */
export class Responses {
  #buffer = Buffer.allocUnsafeSlow(65536);
  #start = 0;
  #end = 0;

  /** Return free space of at least `wanted` bytes behind what is held. */
  room(wanted = 16384) {
    if (this.#buffer.length - this.#end < wanted) {
      const held = this.#end - this.#start;
      const size = Math.max(65536, held + wanted);
      const target = size > this.#buffer.length ? Buffer.allocUnsafeSlow(size) : this.#buffer;
      this.#buffer.copy(target, 0, this.#start, this.#end);
      this.#buffer = target;
      this.#start = 0;
      this.#end = held;
    }
    return this.#buffer.subarray(this.#end);
  }

  /** Say that `count` bytes were read into `room()`. */
  filled(count) {
    this.#end += count;
  }

  feed(bytes) {
    this.room(bytes.length).set(bytes);
    this.filled(bytes.length);
  }

  /** Return the first line, or null until it is complete. */
  takeLine() {
    const held = this.#buffer.subarray(this.#start, this.#end);
    const length = held.indexOf(10);
    if (length < 0) return null;
    this.#start += length + 1;
    return held.utf8Slice(0, length);
  }

  /** Return the first complete response {status, headers, body}, or the bytes still missing. */
  take() {
    const held = this.#buffer.subarray(this.#start, this.#end);
    const headEnd = held.indexOf('\r\n\r\n');
    if (headEnd < 0) return 1;
    const [first, ...lines] = held.utf8Slice(0, headEnd).split('\r\n');
    const headers = Object.create(null);
    for (const line of lines) {
      const colon = line.indexOf(':');
      headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
    }
    const at = headEnd + 4;
    const found = headers['transfer-encoding'] === 'chunked'
      ? unchunk(held, at)
      : whole(held, at, Number(headers['content-length'] ?? 0));
    if (typeof found === 'number') return found;
    this.#start += found.end;
    if (this.#start === this.#end) {
      this.#start = this.#end = 0;
      // One large event must not hold its memory for the rest of the environment's life.
      if (this.#buffer.length > 1 << 20) this.#buffer = Buffer.allocUnsafeSlow(65536);
    }
    return { status: Number(first.slice(9, 12)), headers, body: found.body };
  }
}

function whole(held, at, length) {
  const end = at + length;
  return end > held.length ? end - held.length : { body: held.utf8Slice(at, end), end };
}

function unchunk(held, at) {
  const pieces = [];
  for (;;) {
    const lineEnd = held.indexOf('\r\n', at);
    if (lineEnd < 0) return 1;
    const size = parseInt(held.latin1Slice(at, lineEnd), 16);
    const end = lineEnd + 2 + size;
    if (end + 2 > held.length) return end + 2 - held.length;
    if (size === 0) return { body: Buffer.concat(pieces).toString(), end: end + 2 };
    pieces.push(held.subarray(lineEnd + 2, end));
    at = end + 2;
  }
}

/** Write all of `data` to a descriptor, also to one that user code has made non-blocking. */
export function writeAll(fd, data) {
  for (let bytes = Buffer.from(data); bytes.length > 0; ) {
    try {
      bytes = bytes.subarray(fs.writeSync(fd, bytes));
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

/** A connected, blocking socket that this process inherited. */
export class BlockingChannel {
  #fd;
  #responses = new Responses();

  constructor(fd) {
    this.#fd = fd;
  }

  /** Read the one line that comes before HTTP. */
  readLine() {
    for (;;) {
      const line = this.#responses.takeLine();
      if (line !== null) return line;
      this.#fill(1);
    }
  }

  write(text) {
    writeAll(this.#fd, text);
  }

  /** Return the next response; blocks until it is there. */
  receive() {
    for (;;) {
      const response = this.#responses.take();
      if (typeof response !== 'number') return response;
      this.#fill(response);
    }
  }

  #fill(wanted) {
    const room = this.#responses.room(Math.max(wanted, 16384));
    const count = fs.readSync(this.#fd, room, 0, room.length);
    if (count === 0) process.exit(1); // the control plane is gone
    this.#responses.filled(count);
  }

  ref() {}

  unref() {}
}
