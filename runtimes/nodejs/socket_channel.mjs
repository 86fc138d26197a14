// HTTP to the Runtime API over the event loop: for TCP, and for handlers that stream.

import net from 'node:net';

import { Responses, addressTo, writeAll } from './channel.mjs';

/**
 * Connect to a Unix socket's path, or over TCP to "host:port/token", where the token goes first.
 * The descriptor is for blocking reads and writes from then on.
 */
export function connectBlocking(place) {
  const [, host, port, token] = /^([^/]+):(\d+)\/(.+)$/.exec(place) ?? [];
  const where = host ? { host, port: Number(port), noDelay: true } : { path: place };
  return new Promise((resolve, reject) => {
    const socket = net.connect(where);
    socket.pause(); // or Node.js would read from it, too
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.removeListener('error', reject);
      socket._handle.setBlocking(true);
      const { fd } = socket._handle;
      if (token) writeAll(fd, `${token}\n`);
      resolve({ socket: socket.unref(), fd });
    });
  });
}

export class SocketChannel {
  #socket;
  #responses = new Responses();
  #waiting = null;
  #closed = () => process.exit(1);

  constructor(socket) {
    this.#socket = socket;
    socket.on('data', (bytes) => {
      this.#responses.feed(bytes);
      this.#deliver();
    });
    socket.on('error', (error) => {
      process.stderr.write(`The Runtime API can't be reached: ${error.message}\n`);
      process.exit(1);
    });
    socket.on('close', this.#closed);
  }

  /** Connect to "host:port". */
  static connect(address) {
    const colon = address.lastIndexOf(':');
    const port = Number(address.slice(colon + 1));
    addressTo(address);
    return new SocketChannel(net.connect({ host: address.slice(0, colon), port, noDelay: true }));
  }

  /** Take over a connected socket that this process inherited. */
  static adopt(fd) {
    return new SocketChannel(new net.Socket({ fd, readable: true, writable: true }));
  }

  /** Take a socket of `connectBlocking` back to the event loop. */
  static unblock(socket) {
    socket._handle.setBlocking(false);
    return new SocketChannel(socket.ref().resume());
  }

  write(text) {
    this.#socket.write(text);
  }

  /** Write several pieces at once; `done` is called when the kernel has taken them. */
  writeParts(parts, done) {
    this.#socket.cork();
    parts.forEach((part, at) => this.#socket.write(part, at === parts.length - 1 ? done : undefined));
    this.#socket.uncork();
  }

  /** Return a promise of the next response. */
  receive() {
    return new Promise((resolve) => {
      this.#waiting = resolve;
      this.#deliver();
    });
  }

  #deliver() {
    if (this.#waiting === null) return;
    const response = this.#responses.take();
    if (typeof response === 'number') return;
    const resolve = this.#waiting;
    this.#waiting = null;
    resolve(response);
  }

  /** Close the connection: nothing more is to come. */
  end() {
    this.#socket.removeListener('close', this.#closed);
    this.#socket.destroy();
  }

  /** Keep the process alive, or (`unref`) let it notice that user code has nothing left to do. */
  ref() {
    this.#socket.ref();
  }

  unref() {
    this.#socket.unref();
  }
}
