// Handlers that stream their response: `awslambda.streamifyResponse`.

import { Writable } from 'node:stream';

import { headerValue, postChunked, postError } from './channel.mjs';
import { whenDrained } from './invocation.mjs';
import { runtimeError } from './logging.mjs';

/** The stream a handler writes to: chunks of one POST, its back-pressure that of the socket. */
export class ResponseStream extends Writable {
  #channel;
  #path;
  #contentType = 'application/octet-stream';
  #started = false;
  #ended = false;

  constructor(channel, requestId, highWaterMark) {
    super(highWaterMark ? { highWaterMark } : {});
    this.#channel = channel;
    this.#path = `invocation/${requestId}/`;
    // Set by HttpResponseStream.from: called with a raw `write` ahead of the first byte.
    this._onBeforeFirstWrite = undefined;
  }

  setContentType(contentType) {
    if (this.#started) {
      throw runtimeError('InvalidStreamingOperation', 'Cannot set content-type, too late.');
    }
    this.#contentType = contentType;
  }

  write(chunk, ...rest) {
    return super.write(asBytes(chunk), ...rest);
  }

  end(chunk, ...rest) {
    if (chunk === undefined || chunk === null || typeof chunk === 'function') {
      return super.end(chunk, ...rest);
    }
    return super.end(asBytes(chunk), ...rest);
  }

  _write(chunk, _encoding, done) {
    if (this.#ended) return done(); // what a failed handler still writes belongs to nobody
    return this.#channel.writeParts([...this.#head(), ...frame(chunk)], done);
  }

  _final(done) {
    if (this.#ended) return done();
    this.#ended = true;
    return this.#channel.writeParts([...this.#head(), '0\r\n\r\n'], done);
  }

  /** Return what must be sent so that the invocation ends with the error `payload`; "" if it is too late. */
  failure(payload) {
    if (this.#ended) return '';
    this.#ended = true;
    if (!this.#started) return postError(this.#path + 'error', payload);
    const body = Buffer.from(JSON.stringify(payload)).toString('base64');
    return (
      `0\r\nLambda-Runtime-Function-Error-Type: ${headerValue(payload.errorType)}\r\n` +
      `Lambda-Runtime-Function-Error-Body: ${body}\r\n\r\n`
    );
  }

  #head() {
    if (this.#started) return [];
    this.#started = true;
    const parts = [postChunked(this.#path + 'response', this.#contentType)];
    this._onBeforeFirstWrite?.((bytes) => parts.push(...frame(Buffer.from(bytes))));
    return parts;
  }
}

function asBytes(chunk) {
  return typeof chunk === 'string' || chunk instanceof Uint8Array ? chunk : JSON.stringify(chunk);
}

function frame(bytes) {
  // A chunk of no bytes would end the body.
  return bytes.length === 0 ? [] : [`${bytes.length.toString(16)}\r\n`, bytes, '\r\n'];
}

/** Run the handler until it is done and its stream has ended; throws what it failed with. */
export async function invokeStreaming(handler, event, stream, context) {
  let failure;
  stream.on('error', (error) => {
    failure = error;
  });
  const closed = new Promise((resolve) => stream.once('close', resolve));
  const drained = new Promise((resolve) => whenDrained(resolve));
  const result = handler(event, stream, context);
  if (typeof result?.then !== 'function') {
    throw new Error('Streaming does not support non-async handlers.');
  }
  if ((await Promise.race([result, drained])) !== undefined) {
    console.warn('Streaming handlers ignore return values.');
  }
  await Promise.race([closed, drained]);
  whenDrained(null);
  if (failure) throw failure;
  if (!stream.writableFinished) throw new Error('Response stream is not finished.');
}
