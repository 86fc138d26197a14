// `console` as Lambda patches it, and errors as Lambda reports them.

import { format, types } from 'node:util';

import { writeAll } from './channel.mjs';

const JSON_FRAME = 0xa55a0002;
const TEXT_FRAME = 0xa55a0003;
const LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'];

/** Types of errors whose classes have a longer name in AWS's newer client. */
const LONGER_NAMES = new Set(['HandlerNotFound', 'MalformedHandlerName', 'CallbackHandlerDeprecated']);

let requestId;
let tenantId;
let json = false;
/** As AWS's client of Node.js 24, which Managed Instances have for older releases, too. */
let modern = false;
/** The last reason that was no error, with the error that stands for it. */
let noted = null;
/** Returns the request id and the tenant of the invocation that logs, where several run at once. */
let named = () => undefined;
/** The standard streams that user code has asked for, by name: they may hold data back. */
const streams = {};

/** Name the invocation that log lines belong to from now on. */
export function setInvocation(request, tenant) {
  requestId = request;
  tenantId = tenant;
}

/** Have `find` say which invocation logs: it returns [request id, tenant id], or undefined. */
export function setInvocations(find) {
  named = find;
}

/**
 * Patch `console` by AWS_LAMBDA_LOG_FORMAT and AWS_LAMBDA_LOG_LEVEL.
 *
 * With _LAMBDA_TELEMETRY_LOG_FD messages are framed, so that one with newlines stays one; else
 * their newlines become carriage returns, as AWS's client has it.
 *
 * @param {string|undefined} noRequest what stands for the request id before the first invocation
 */
export function patchConsole(noRequest) {
  requestId = noRequest;
  modern = noRequest !== undefined;
  json = process.env.AWS_LAMBDA_LOG_FORMAT?.toUpperCase() === 'JSON';
  const least = Math.max(0, LEVELS.indexOf(process.env.AWS_LAMBDA_LOG_LEVEL?.toUpperCase()));
  const framed = process.env._LAMBDA_TELEMETRY_LOG_FD !== undefined;
  delete process.env._LAMBDA_TELEMETRY_LOG_FD;
  LEVELS.forEach((level, priority) => {
    // The bits of a frame's type tell its format and level.
    const type = (json ? JSON_FRAME : TEXT_FRAME) + ((priority + 1) << 2);
    const end = json ? '' : '\n';
    const written = framed ? (text) => frame(type, text + end) : (text) => text.replaceAll('\n', '\r') + '\n';
    // The first argument is one even where it is left out, as on Lambda.
    const log = (message, ...more) => {
      const args = [message, ...more];
      print(written(json ? jsonLine(level, args) : textLine(level, args)));
    };
    console[level.toLowerCase()] = priority >= least ? log : () => {};
  });
  console.log = console.info;
  for (const name of ['stdout', 'stderr']) watch(name);
}

function textLine(level, args) {
  return `${new Date().toISOString()}\t${named()?.[0] ?? requestId}\t${level}\t${format(...args)}`;
}

/** Return a message as AWS frames it: type, length, microseconds, text. */
function frame(type, text) {
  const length = Buffer.byteLength(text);
  const bytes = Buffer.allocUnsafe(16 + length);
  bytes.writeUInt32BE(type, 0);
  bytes.writeUInt32BE(length, 4);
  bytes.writeBigUInt64BE(BigInt(Date.now()) * 1000n, 8);
  bytes.write(text, 16);
  return bytes;
}

function watch(name) {
  const { get } = Object.getOwnPropertyDescriptor(process, name);
  Object.defineProperty(process, name, {
    configurable: true,
    enumerable: true,
    get: () => (streams[name] = get.call(process)),
  });
}

/** Print at once, yet never ahead of what user code wrote before. */
function print(line) {
  if (streams.stdout?.writableLength > 0) streams.stdout.write(line);
  else writeAll(1, line);
}

/** Return a promise for the moment when all that was printed has left, or null if it has. */
export function flushed() {
  const waiting = Object.values(streams).filter((stream) => stream.writableLength > 0);
  if (waiting.length === 0) return null;
  return Promise.all(waiting.map((stream) => new Promise((done) => stream.write('', done))));
}

function jsonLine(level, args) {
  const [request, tenant] = named() ?? [requestId, tenantId];
  const line = { timestamp: new Date().toISOString(), level, requestId: request };
  if (tenant) line.tenantId = tenant;
  if (args.length <= 1) {
    line.message = args[0];
    try {
      return JSON.stringify(line, errorsAsObjects);
    } catch {
      line.message = format(args[0]);
      return JSON.stringify(line);
    }
  }
  line.message = format(...args);
  const error = args.find((arg) => arg instanceof Error);
  if (error) Object.assign(line, describe(error));
  return JSON.stringify(line);
}

function errorsAsObjects(_key, value) {
  if (!(value instanceof Error)) return value;
  const described = describe(value);
  if (typeof value.stack !== 'string') described.stackTrace = value.stack;
  return { ...described, ...value };
}

function describe(error) {
  return {
    errorType: error.constructor?.name ?? 'UnknownError',
    errorMessage: error.message,
    stackTrace: typeof error.stack === 'string' ? error.stack.split('\n') : [],
  };
}

/** Make the error that stands for a reason that is none, where it was given: its stack tells. */
export function noteReason(reason) {
  noted = reason instanceof Error ? null : { reason, error: new Error(text(reason)) };
}

/** Log an error that ends an invocation or the runtime. */
export function logError(title, reason) {
  if (!noted || noted.reason !== reason) noteReason(reason);
  const error = noted?.error ?? reason;
  noted = null;
  if (json) console.error(error);
  else console.error(title, '\t' + errorLine(error));
}

function errorLine(error) {
  try {
    return JSON.stringify(error, (_key, value) => {
      if (!(value instanceof Error)) return value;
      const { name, message, code, stack } = value;
      const shown = { errorType: name, errorMessage: message, code, ...value };
      return typeof stack === 'string' ? { ...shown, stack: stack.split('\n') } : shown;
    });
  } catch {
    return JSON.stringify(errorPayload(error));
  }
}

/** Return what the caller of the function gets to see of `error`. */
export function errorPayload(error) {
  try {
    return modern ? modernPayload(error) : classicPayload(error);
  } catch {
    const payload = {
      errorType: 'handled',
      errorMessage:
        'callback called with Error argument, but there was a problem while retrieving one or ' +
        'more of its message, name, and stack',
    };
    return modern ? { ...payload, trace: [] } : payload;
  }
}

/** DEL is the one character that Lambda escapes. */
function clean(part) {
  return part?.replaceAll('\x7f', '%7F');
}

function classicPayload(error) {
  const likeError = [error?.name, error?.message, error?.stack].every(
    (part) => typeof part === 'string' && part,
  );
  if (types.isNativeError(error) || likeError) {
    const trace = error.stack.replaceAll('\x7f', '%7F').split('\n');
    return { errorType: clean(error.name), errorMessage: clean(error.message), trace };
  }
  return { errorType: typeof error, errorMessage: error.toString(), trace: [] };
}

function modernPayload(error) {
  if (error instanceof Error) {
    const trace = clean(error.stack)?.split('\n') || [];
    return { errorType: clean(error.name), errorMessage: clean(error.message), trace };
  }
  return { errorType: typeof error, errorMessage: String(error), trace: [] };
}

function text(value) {
  return typeof value === 'symbol' ? value.toString() : `${value}`;
}

/** Return an error whose type reads `Runtime.<type>`. */
export function runtimeError(type, message) {
  // In JSON the class counts, whose name AWS's two clients have otherwise.
  const className = modern && LONGER_NAMES.has(type) ? `${type}Error` : type;
  const error = new { [className]: class extends Error {} }[className](message);
  // Shown among an error's own members by AWS's newer client alone.
  const value = `Runtime.${type}`;
  Object.defineProperty(error, 'name', { value, enumerable: modern, writable: true, configurable: true });
  // The first line of the stack was written before the name was known.
  error.stack = error.stack.replace(/^Error/, error.name);
  return error;
}
