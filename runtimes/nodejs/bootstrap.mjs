// The Node.js runtime of one execution environment: a client of the Lambda Runtime API.
//
// Started in one of two ways (see README.md):
//   with --channel   file descriptor 3 is a connected socket (or LOCALFAAS_STEM_SOCKET names one
//                    to connect to): one line of JSON tells environment, folder and handler;
//                    what follows is HTTP. Such a process may wait for its line long before
//                    anyone needs it.
//   without          the environment is set; AWS_LAMBDA_RUNTIME_API says where to connect.
//
// No top-level await: a main module that still awaits when the event loop runs dry makes Node
// exit with 13, where Lambda sees a runtime that just ended.

import { fileURLToPath } from 'node:url';

import { BlockingChannel, NEXT, Responses, post, postError } from './channel.mjs';
import { buildContext, invoke } from './invocation.mjs';
import { InvokeStore, PROTECTED_KEYS } from './invoke_store.mjs';
import { highWaterMark, isStreaming, loadHandler, setGlobals, setPackagePath } from './loader.mjs';
import {
  errorPayload,
  flushed,
  logError,
  patchConsole,
  runtimeError,
  setInvocation,
} from './logging.mjs';

const CHANNEL = 3;
/** A fatal error is being told of: nothing else is to happen any more. */
let ending = false;
/** The init has failed where AWS's client leaves the rest to Node.js. */
let uncaught = false;
/** `awslambda.InvokeStore`, which there is from Node.js 24 on. */
let store = null;

/** Returns what tells the Runtime API of a fatal error now, or null when nobody waits for it. */
let failureNow = (payload) => postError('init/error', payload);

async function main() {
  const inherited = process.argv[2] === '--channel';
  let channel;
  let root;
  let handlerName;
  let sdk = process.env.LOCALFAAS_NODE_SDK;
  let socket = null;
  if (inherited) {
    let fd = CHANNEL;
    if (process.env.LOCALFAAS_STEM_SOCKET) {
      const { connectBlocking } = await import('./socket_channel.mjs');
      ({ socket, fd } = await connectBlocking(process.env.LOCALFAAS_STEM_SOCKET));
    }
    channel = new BlockingChannel(fd);
    await rehearse();
    const { environ, cwd, handler } = JSON.parse(channel.readLine());
    for (const name of Object.keys(process.env)) if (!(name in environ)) delete process.env[name];
    Object.assign(process.env, environ);
    process.chdir(cwd);
    [root, handlerName, sdk] = [cwd, handler, environ.LOCALFAAS_NODE_SDK ?? sdk];
  } else {
    const { SocketChannel } = await import('./socket_channel.mjs');
    channel = SocketChannel.connect(process.env.AWS_LAMBDA_RUNTIME_API ?? '');
    [root, handlerName] = [process.env.LAMBDA_TASK_ROOT ?? process.cwd(), process.env._HANDLER ?? ''];
  }
  delete process.env.LOCALFAAS_NODE_SDK;
  process.argv.length = 2;
  const asked = /nodejs(\d+)/.exec(process.env.AWS_EXECUTION_ENV ?? '')?.[1];
  const release = Number(asked ?? process.versions.node.split('.')[0]);

  if (process.env.AWS_LAMBDA_MAX_CONCURRENCY) {
    const { supervise } = await import('./concurrent.mjs');
    patchConsole('-');
    supervise(channel, { root, handlerName, sdk, release });
    return undefined;
  }
  patchConsole(release >= 24 ? '-' : undefined);
  let adopted = !inherited;
  if (process.env.LOCALFAAS_DEBUG !== undefined) {
    // A debugger is answered by the event loop: nothing may block it between invocations.
    if (!adopted) channel = await adopt(socket);
    adopted = true;
    await debugged();
  }
  if (release < 24) watchForFatalErrors(channel);
  if (release >= 24) {
    store = new InvokeStore();
    setGlobals({ InvokeStore: store });
  } else {
    setGlobals();
  }
  setPackagePath(sdk);
  const tracer = await traced();
  let handler;
  try {
    handler = await loadHandler(root, handlerName, release);
  } catch (error) {
    await fail(channel, release >= 24 ? 'Init Error' : 'Uncaught Exception', error);
    if (release < 24) process.exit(129);
    uncaught = true;
    throw error;
  }
  if (ending) return new Promise(() => {});
  if (tracer) {
    channel.write(post('init/imports', tracer.end()));
    await channel.receive();
  }
  if (!isStreaming(handler)) return serve(channel, handler, release);
  if (!adopted) channel = await adopt(socket);
  return serveStreaming(channel, handler, release);
}

/** Return the inherited channel as one that does not block. */
async function adopt(socket) {
  const { SocketChannel } = await import('./socket_channel.mjs');
  return socket ? SocketChannel.unblock(socket) : SocketChannel.adopt(CHANNEL);
}

/** Open a port for a debugger. */
async function debugged() {
  const order = process.env.LOCALFAAS_DEBUG;
  delete process.env.LOCALFAAS_DEBUG;
  const { listen } = await import('./debugging.mjs');
  await listen(order);
}

/** Return what measures imports from now on; null where nobody has asked for it. */
async function traced() {
  if (process.env.LOCALFAAS_TRACE_IMPORTS === undefined) return null;
  delete process.env.LOCALFAAS_TRACE_IMPORTS;
  const { Tracer } = await import('./imports.mjs');
  const tracer = new Tracer();
  tracer.begin();
  return tracer;
}

/** Go once through all that an invocation needs, so that the first real one finds it warm. */
async function rehearse() {
  const here = fileURLToPath(new URL('.', import.meta.url));
  const handler = await loadHandler(here, 'rehearsal.handler', 24);
  const responses = new Responses();
  responses.feed(Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}'));
  const { headers, body } = responses.take();
  post('', await invoke(handler, JSON.parse(body), buildContext(headers, 24), 24));
  await settled();
}

/** Let a handler of a custom resource answer at `address`; what it takes is loaded here. */
async function answerHere(address) {
  (await import('./custom_resources.mjs')).answerAt(address);
}

/** Answer invocations by what the handler returns, for ever. */
async function serve(channel, handler, release) {
  let answer = '';
  for (;;) {
    const { id, event, context } = await next(channel, answer, release);
    failureNow = (payload) => postError(`invocation/${id}/error`, payload);
    channel.unref();
    try {
      const given = event();
      if (given?.ResponseURL !== undefined) await answerHere(given.ResponseURL);
      const result = await invoke(handler, given, context(), release);
      answer = post(`invocation/${id}/response`, result);
    } catch (error) {
      logError('Invoke Error', error);
      answer = failureNow(errorPayload(error));
    }
    await settled();
    channel.ref();
    failureNow = null;
  }
}

/** Answer invocations by what the handler writes to its stream, for ever. */
async function serveStreaming(channel, handler, release) {
  const { ResponseStream, invokeStreaming } = await import('./streaming.mjs');
  let answer = '';
  for (let first = true; ; first = false) {
    const { id, event, context } = await next(channel, answer, release, !first);
    const stream = new ResponseStream(channel, id, highWaterMark(handler));
    failureNow = (payload) => stream.failure(payload);
    channel.unref();
    try {
      await invokeStreaming(handler, event(), stream, context());
      answer = '';
    } catch (error) {
      logError('Invoke Error', error);
      answer = stream.failure(errorPayload(error));
    }
    await settled();
    channel.ref();
    failureNow = null;
  }
}

/** Send `answer`, if any, and the call for the next invocation in one write; await both. */
async function next(channel, answer, release, isAnswered = answer !== '') {
  channel.write(answer + NEXT);
  if (isAnswered) accepted(await channel.receive());
  const { status, headers, body } = await channel.receive();
  if (status !== 200) throw new Error(`The Runtime API answered ${status}: ${body}`);
  const id = headers['lambda-runtime-aws-request-id'];
  const tenant = headers['lambda-runtime-aws-tenant-id'];
  setInvocation(id, tenant);
  store?.run(
    {
      [PROTECTED_KEYS.REQUEST_ID]: id,
      [PROTECTED_KEYS.X_RAY_TRACE_ID]: headers['lambda-runtime-trace-id'],
      [PROTECTED_KEYS.TENANT_ID]: tenant,
    },
    () => {},
  );
  return { id, event: () => JSON.parse(body), context: () => buildContext(headers, release) };
}

function accepted({ status, body }) {
  // 413 is the function's fault, and its caller knows already.
  if (status >= 400 && status !== 413) throw new Error(`The Runtime API answered ${status}: ${body}`);
}

/** Give the event loop one turn, as Lambda does, and let all that was printed leave first. */
async function settled() {
  await new Promise(setImmediate);
  const printed = flushed();
  if (printed) await printed;
}

/** What Lambda's runtimes before Node.js 24 do; since then Node's own default stands. */
function watchForFatalErrors(channel) {
  process.on('uncaughtException', async (error) => {
    await fail(channel, 'Uncaught Exception', error);
    process.exit(129);
  });
  process.on('unhandledRejection', async (reason, promise) => {
    const error = runtimeError('UnhandledPromiseRejection', reason === undefined ? '' : String(reason));
    await fail(channel, 'Unhandled Promise Rejection', Object.assign(error, { reason, promise }));
    process.exit(128);
  });
}

/** Log an error that ends this process, and tell the Runtime API if somebody waits for it. */
async function fail(channel, title, error) {
  ending = true;
  logError(title, error);
  const failure = failureNow?.(errorPayload(error));
  failureNow = null;
  const printed = flushed();
  if (printed) await printed;
  if (!failure) return;
  channel.ref();
  channel.write(failure);
  await channel.receive();
}

main().catch((error) => {
  // Node.js itself says what nobody catches, and ends, as under AWS's client.
  if (uncaught) throw error;
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
