// Several invocations at once: worker threads, each of which runs many of them asynchronously.
//
// So does AWS's own runtime where AWS_LAMBDA_MAX_CONCURRENCY is set. Beyond that, the main thread
// answers for what a worker that dies had under way, and puts another in its place.

import os from 'node:os';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';

import { NEXT, post, postError, writeAll } from './channel.mjs';
import { PROTECTED_KEYS, SharedInvokeStore } from './shared_invoke_store.mjs';
import { buildContext, invokeShared } from './invocation.mjs';
import { highWaterMark, isStreaming, loadHandler, setGlobals, setPackagePath } from './loader.mjs';
import { errorPayload, flushed, logError, patchConsole, setInvocations } from './logging.mjs';
import { SocketChannel } from './socket_channel.mjs';

// --- the main thread ------------------------------------------------------------------------------

/**
 * Start the workers and watch over them, for ever.
 *
 * @param {object} channel where to tell of invocations that their workers can't answer any more
 * @param {object} settings what a worker needs: root, handlerName, sdk, release
 */
export function supervise(channel, settings) {
  const most = Number(process.env.AWS_LAMBDA_MAX_CONCURRENCY);
  const asked = Number(process.env.AWS_LAMBDA_NODEJS_WORKER_COUNT);
  const count = Math.max(1, Math.min(asked || os.availableParallelism(), most));
  let alive = 0;

  function start() {
    const running = new Set();
    let up = false;
    const worker = new Worker(new URL(import.meta.url), { workerData: settings, env: process.env });
    alive += 1;
    worker.on('message', ({ began, ended, ready }) => {
      if (began) running.add(began);
      if (ended) running.delete(ended);
      if (ready) up = true;
    });
    worker.on('error', (error) => logError('Uncaught Exception', error));
    worker.on('exit', (code) => {
      alive -= 1;
      for (const id of running) answerFor(channel, id, code);
      // Who never came up would not the next time either.
      if (up) start();
      else if (alive === 0) process.exit(code || 1);
    });
  }

  for (let n = 0; n < count; n += 1) start();
}

/** End an invocation whose worker died, in the words AWS has for a runtime that does. */
async function answerFor(channel, id, code) {
  const reason = code
    ? `Runtime exited with error: exit status ${code}`
    : 'Runtime exited without providing a reason';
  const payload = {
    errorType: 'Runtime.ExitError',
    errorMessage: `RequestId: ${id} Error: ${reason}`,
  };
  channel.write(postError(`invocation/${id}/error`, payload));
  await channel.receive();
}

// --- a worker -------------------------------------------------------------------------------------

/** A connection for answers: they leave in the order in which they come. */
class Answers {
  #channel;
  #last = Promise.resolve();

  constructor(channel) {
    this.#channel = channel;
  }

  send(text) {
    this.#last = this.#last.then(() => {
      this.#channel.write(text);
      return this.#channel.receive();
    });
    return this.#last;
  }
}

/**
 * Have what is written to this thread's streams leave at once.
 *
 * By itself it goes by the main thread, which may have it still when this one believes it written:
 * its lines would come after the end of their invocation.
 */
function writeThrough() {
  for (const [name, fd] of [['stdout', 1], ['stderr', 2]]) {
    const stream = process[name];
    stream._writev = null;
    stream._write = (chunk, encoding, done) => {
      writeAll(fd, typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk);
      done();
    };
  }
}

async function work({ root, handlerName, sdk, release }) {
  const store = new SharedInvokeStore();
  const api = process.env.AWS_LAMBDA_RUNTIME_API ?? '';
  writeThrough();
  patchConsole(release >= 24 ? '-' : undefined);
  setInvocations(() => {
    const context = store.getContext();
    return context && [context[PROTECTED_KEYS.REQUEST_ID], context[PROTECTED_KEYS.TENANT_ID]];
  });
  setGlobals({ InvokeStore: store });
  setPackagePath(sdk);
  const answers = new Answers(SocketChannel.connect(api));
  let handler;
  try {
    handler = await loadHandler(root, handlerName, release);
  } catch (error) {
    logError('Init Error', error);
    await answers.send(postError('init/error', errorPayload(error)));
    process.exit(1);
  }
  const run = isStreaming(handler) ? await streaming(api) : buffered(answers);
  const polls = SocketChannel.connect(api);
  parentPort.postMessage({ ready: true });
  for (;;) {
    polls.write(NEXT);
    const { status, headers, body } = await polls.receive();
    if (status !== 200) throw new Error(`The Runtime API answered ${status}: ${body}`);
    const id = headers['lambda-runtime-aws-request-id'];
    parentPort.postMessage({ began: id });
    const context = {
      [PROTECTED_KEYS.REQUEST_ID]: id,
      [PROTECTED_KEYS.X_RAY_TRACE_ID]: headers['lambda-runtime-trace-id'],
      [PROTECTED_KEYS.TENANT_ID]: headers['lambda-runtime-aws-tenant-id'],
    };
    // The call for the next one goes out before this one takes the thread.
    setImmediate(() =>
      store.run(context, async () => {
        await run({ handler, id, headers, body, release });
        parentPort.postMessage({ ended: id });
      }),
    );
  }
}

/** Return what runs an invocation whose handler answers by what it returns. */
function buffered(answers) {
  return async ({ handler, id, headers, body, release }) => {
    let answer;
    try {
      const context = buildContext(headers, release, true);
      const result = await invokeShared(handler, JSON.parse(body), context, release);
      answer = post(`invocation/${id}/response`, result);
    } catch (error) {
      logError('Invoke Error', error);
      answer = postError(`invocation/${id}/error`, errorPayload(error));
    }
    await flushed();
    await answers.send(answer);
  };
}

/** Return what runs an invocation whose handler streams: over a connection of its own. */
async function streaming(api) {
  const { ResponseStream, invokeStreaming } = await import('./streaming.mjs');
  return async ({ handler, id, headers, body, release }) => {
    const channel = SocketChannel.connect(api);
    const stream = new ResponseStream(channel, id, highWaterMark(handler));
    try {
      const context = buildContext(headers, release, true);
      await invokeStreaming(handler, JSON.parse(body), stream, context);
    } catch (error) {
      logError('Invoke Error', error);
      await flushed();
      channel.write(stream.failure(errorPayload(error)));
    }
    await channel.receive();
    channel.end();
  };
}

if (!isMainThread && workerData?.handlerName !== undefined) work(workerData);
