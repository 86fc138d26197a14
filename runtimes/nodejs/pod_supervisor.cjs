// The supervisor of one pod: it starts, freezes and ends the runtime beside it.
//
// It comes over the connection that the pod's first lines (pod_loader.cjs) have opened, and so does
// all else. runtimes/python/pod_supervisor.py says what is spoken; this one does the same. Process 1
// is a shell, which lays to rest what functions leave behind: Node.js does not.
'use strict';

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');

const HOME = '/run/localfaas';
const GROUPS = '/sys/fs/cgroup';
const CHANNEL = 3;
/** Milliseconds between looks at what a function takes. */
const SAMPLE_MS = 100;
/** Milliseconds without a word after which the other side is taken for gone. */
const LOST_MS = 5000;
/** Bytes of output that may wait for the connection; whoever prints more waits, too. */
const MOST_WAITING = 1 << 20;
/** Output in one stream, which alone keeps its order; AWS's limits; then the program. */
const START = `
exec 2>&1
ulimit -n "$1" 2>/dev/null
ulimit -u "$2" 2>/dev/null || ulimit -p "$2" 2>/dev/null
shift 2
exec "$@"
`;

let control;
let way;
/** The processes that were ordered, by their ids: their names. */
const processes = new Map();
/** Connections that have called and said their token; and who waits for one. */
const calls = new Map();
const awaited = new Map();
let peak = 0;
let peakTold = 0;
/** A function may run: it is not only waited for. */
let runs = false;
let oomKills = 0;

exports.supervise = (connection, rest, givenWay) => {
  control = connection;
  way = givenWay;
  oomKills = countOomKills();
  control.setNoDelay(true);
  control.setKeepAlive(true, LOST_MS - 3000);
  control.removeAllListeners('close');
  control.removeAllListeners('error');
  control.on('error', end);
  control.on('close', end);
  if (typeof way !== 'string') way.on('connection', called);
  say({
    hello: {
      language: 'nodejs',
      version: process.versions.node,
      has_sdk: true,
      address: control.localAddress,
      pid: process.pid,
    },
  });
  setInterval(sample, SAMPLE_MS).unref();
  const orders = new Orders();
  control.on('data', (data) => orders.feed(data));
  orders.feed(rest);
};

/** Tell of the peak of memory as it grows: a report of an invocation can't wait for it. */
function sample() {
  if (!runs) return;
  const found = counted();
  if (found.peak <= peakTold) return;
  peakTold = found.peak;
  say({ counted: found });
}

function end() {
  signalAll('SIGKILL');
  process.exit(0);
}

function say(message, body = null) {
  if (body) message.size = body.length;
  control.write(`${JSON.stringify(message)}\n`);
  if (body) control.write(body);
}

/** Cuts what comes into orders and what is to be unpacked. */
class Orders {
  #held = Buffer.alloc(0);
  #unpacking = null;
  #id = 0;

  feed(data) {
    this.#held = this.#held.length ? Buffer.concat([this.#held, data]) : data;
    while (this.#held.length || this.#unpacking?.done) {
      if (this.#unpacking) {
        this.#held = this.#held.subarray(this.#unpacking.feed(this.#held));
        if (!this.#unpacking.done) return;
        say({ id: this.#id, error: this.#unpacking.failure });
        this.#unpacking = null;
        continue;
      }
      const at = this.#held.indexOf(10);
      if (at < 0) return;
      const order = JSON.parse(this.#held.toString('utf8', 0, at));
      this.#held = this.#held.subarray(at + 1);
      if (order.do === 'put') {
        this.#unpacking = new Unpacking(path.join(HOME, order.at), order.size);
        this.#id = order.id;
        runs = true;
      } else {
        obey(order);
      }
    }
  }
}

async function obey(order) {
  if (order.do === 'end') end();
  try {
    say({ id: order.id, ...(await ORDERS[order.do](order)) });
  } catch (error) {
    say({ id: order.id, error: error.message });
  }
}

const ORDERS = {
  /** Start a runtime that waits on its channel to be told which function it is. */
  start: (order) => {
    const program = [process.execPath, `${HOME}/bootstrap/bootstrap.mjs`, '--channel'];
    return launch('runtime', program, '/', process.env, order, order.token);
  },
  /** Start a program for one function alone; the other side says where it speaks. */
  run: (order) => launch('runtime', order.arguments, order.cwd, order.environ, order, ''),
  extend: (order) => launch(order.name, order.arguments, order.cwd, order.environ, order, ''),
  signal: (order) => {
    for (const [pid, name] of processes) if (name === 'runtime') process.kill(pid, order.number);
  },
  /** Answer after all that has been printed so far: what the event loop finds in its next turn. */
  flush: () => new Promise((resolve) => setImmediate(() => setImmediate(() => setImmediate(resolve)))),
  /** Stop all processes; a fork that is just under way is seen in the next pass. */
  freeze: () => {
    runs = false;
    for (let pass = 0; pass < 50; pass += 1) {
      if (!signalAll('SIGSTOP') || !others().some(isRunning)) break;
      pause(0.5);
    }
    return counted();
  },
  thaw: () => {
    runs = true;
    signalAll('SIGCONT');
  },
  /** End all processes; returns once they are gone. */
  kill: async () => {
    const found = counted();
    signalAll('SIGKILL');
    const deadline = Date.now() + LOST_MS;
    while (Date.now() < deadline && (processes.size || others().some(isAlive))) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    return found;
  },
  usage: () => {
    const pids = others();
    let [memory, ticks] = [0, 0];
    for (const pid of pids) {
      const [, resident] = read(`/proc/${pid}/statm`).split(' ');
      const fields = stat(pid);
      memory += Number(resident ?? 0) * 4096;
      ticks += Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
    }
    return { ...counted(), memory, cpu_s: ticks / 100, processes: pids.length };
  },
};

async function launch(name, program, cwd, environ, { limits = {} }, token) {
  const env = { ...environ };
  const stdio = ['ignore', 'pipe', 'pipe'];
  let channel = null;
  if (token && typeof way === 'string') {
    env.LOCALFAAS_STEM_SOCKET = `${way}/${token}`;
  } else if (token) {
    delete env.LOCALFAAS_STEM_SOCKET;
    channel = await call(token);
    channel._handle.setBlocking(true);
    stdio[CHANNEL] = channel;
  }
  const { RLIMIT_NOFILE: files = 'unlimited', RLIMIT_NPROC: count = 'unlimited' } = limits;
  const words = ['-c', START, 'localfaas', String(files), String(count), ...program];
  const child = spawn('/bin/sh', words, { cwd, env, stdio });
  channel?.destroy();
  await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
  processes.set(child.pid, name);
  pass(child.stdout, name === 'runtime' ? 'runtime' : 'extensions');
  child.stderr.resume();
  child.once('exit', (status, signal) => ended(child, name, status, signal));
  return { pid: child.pid };
}

/** Pass on what a process prints, no faster than the other side takes it. */
function pass(stream, kind) {
  stream.on('data', (data) => {
    say({ output: kind }, data);
    if (control.writableLength > MOST_WAITING) {
      stream.pause();
      control.once('drain', () => stream.resume());
    }
  });
  stream.on('error', () => {});
}

/** Tell that a process has ended, after all that it has printed. */
function ended(child, name, status, signal) {
  const { pid } = child;
  let told = false;
  const tell = () => {
    if (told) return;
    told = true;
    processes.delete(pid);
    const message = { ended: name, pid, peak };
    if (signal) message.signal = SIGNALS[signal];
    else message.status = status;
    // A shell's way to say that it could not execute an extension.
    if (name !== 'runtime' && NOT_STARTED[status]) message.error = NOT_STARTED[status];
    const kills = countOomKills();
    if (kills > oomKills) [message.out_of_memory, oomKills] = [true, kills];
    say(message);
    if (name === 'runtime') {
      [peak, peakTold] = [0, 0];
      signalAll('SIGKILL'); // what it has started ends with it
    }
  };
  if (child.stdout.readableEnded || child.stdout.destroyed) tell();
  child.stdout.once('end', tell).once('close', tell);
  // Others may hold its output open: what it has printed itself is there by then.
  setTimeout(tell, 20);
}

const NOT_STARTED = { 126: 'permission denied', 127: 'no such file or directory' };
const SIGNALS = require('node:os').constants.signals;

/** Take a call of the other side, which says its token first. */
function called(connection) {
  let said = Buffer.alloc(0);
  connection.on('error', () => {});
  connection.on('data', function take(data) {
    said = Buffer.concat([said, data]);
    const at = said.indexOf(10);
    if (at < 0) return;
    connection.off('data', take);
    connection.pause();
    const token = said.toString('latin1', 0, at);
    calls.set(token, connection);
    awaited.get(token)?.();
  });
}

async function call(token) {
  if (!calls.has(token)) await new Promise((resolve) => awaited.set(token, resolve));
  const connection = calls.get(token);
  calls.delete(token);
  awaited.delete(token);
  await new Promise((resolve) => connection.write('\n', resolve));
  connection.pause();
  return connection;
}

/** Makes files of what comes, in pieces, below a folder; see pod_supervisor.py. */
class Unpacking {
  #folder;
  #left;
  #file = -1;
  #fileLeft = 0;
  failure = '';

  constructor(folder, size) {
    this.#folder = folder;
    this.#left = size;
    fs.mkdirSync(folder, { recursive: true });
  }

  get done() {
    return this.#left === 0;
  }

  feed(data) {
    const view = data.subarray(0, this.#left);
    let used = 0;
    while (used < view.length) {
      if (this.#fileLeft) {
        const piece = view.subarray(used, used + this.#fileLeft);
        this.#try(() => {
          for (let at = 0; at < piece.length && this.#file >= 0; ) {
            at += fs.writeSync(this.#file, piece, at);
          }
        });
        used += piece.length;
        this.#fileLeft -= piece.length;
        if (!this.#fileLeft) this.#close();
        continue;
      }
      const at = view.indexOf(10, used);
      if (at < 0) break;
      const entry = JSON.parse(view.toString('utf8', used, at));
      this.#fileLeft = entry.size ?? 0;
      this.#try(() => this.#begin(entry));
      used = at + 1;
    }
    this.#left -= used;
    return used;
  }

  #begin({ name, kind, mode, to, size }) {
    const target = path.join(this.#folder, name);
    if (kind === 'folder') {
      fs.mkdirSync(target, { recursive: true });
    } else if (kind === 'link') {
      fs.rmSync(target, { force: true });
      fs.symlinkSync(to, target);
    } else {
      this.#file = fs.openSync(target, 'w', 0o600);
      fs.fchmodSync(this.#file, mode);
      if (!size) this.#close();
    }
  }

  #try(work) {
    try {
      work();
    } catch (error) {
      this.failure ||= error.message;
      this.#close();
    }
  }

  #close() {
    if (this.#file >= 0) fs.closeSync(this.#file);
    this.#file = -1;
  }
}

/** Signal every process here but this one and the first; return whether there is any. */
function signalAll(signal) {
  try {
    process.kill(-1, signal);
    return true;
  } catch {
    return false;
  }
}

function others() {
  const own = String(process.pid);
  return fs.readdirSync('/proc').filter((name) => /^[2-9]$|^\d\d+$/.test(name) && name !== own);
}

function stat(pid) {
  const text = read(`/proc/${pid}/stat`);
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

function isAlive(pid) {
  return !['Z', 'X', ''].includes(stat(pid)[0]);
}

function isRunning(pid) {
  return isAlive(pid) && !['T', 't'].includes(stat(pid)[0]);
}

/** What answers tell in passing: the peak of memory, and the waits for CPU time. */
function counted() {
  let found = 0;
  for (const pid of others()) {
    found += 1024 * Number(/VmHWM:\s+(\d+)/.exec(read(`/proc/${pid}/status`))?.[1] ?? 0);
  }
  peak = Math.max(peak, found);
  const nanoseconds = figure(/^throttled_time (\d+)/m, 'cpu/cpu.stat', 'cpu,cpuacct/cpu.stat');
  const microseconds = figure(/^throttled_usec (\d+)/m, 'cpu.stat');
  return { peak, throttled_s: nanoseconds / 1e9 + microseconds / 1e6 };
}

function countOomKills() {
  return figure(/^oom_kill (\d+)/m, 'memory/memory.oom_control', 'memory.events');
}

function figure(pattern, ...files) {
  for (const file of files) {
    const found = pattern.exec(read(`${GROUPS}/${file}`));
    if (found) return Number(found[1]);
  }
  return 0;
}

function read(file) {
  try {
    return fs.readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}

function pause(milliseconds) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
