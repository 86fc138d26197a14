// One invocation of a handler that answers with a value.

import { noteReason, runtimeError } from './logging.mjs';

// What to do when the event loop has run dry while an invocation is under way.
let onDrained = null;

export function whenDrained(action) {
  onDrained = action;
}

process.on('beforeExit', () => {
  const action = onDrained;
  onDrained = null;
  action?.();
});

/** Build the `context` of an invocation from the headers of its `next`. */
export function buildContext(headers, release, shared = false) {
  const { env } = process;
  const trace = headers['lambda-runtime-trace-id'];
  // Where several invocations share the variables, it is none of them's own.
  if (trace && !shared) env._X_AMZN_TRACE_ID = trace;
  else delete env._X_AMZN_TRACE_ID;
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  const context = {
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: parse(headers['lambda-runtime-client-context'], 'ClientContext'),
    identity: parse(headers['lambda-runtime-cognito-identity'], 'CognitoIdentity'),
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    awsRequestId: headers['lambda-runtime-aws-request-id'],
    tenantId: headers['lambda-runtime-aws-tenant-id'],
    getRemainingTimeInMillis: () => deadline - Date.now(),
  };
  if (release >= 24 || shared) context.xRayTraceId = trace;
  return context;
}

function parse(text, name) {
  if (!text) return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`Cannot parse ${name} as json: ${error}`);
  }
}

/**
 * Run the handler; return a promise of its result as JSON, rejected with what it failed with.
 *
 * From Node.js 24 on a handler answers by what it returns. Before, only a promise counts:
 * otherwise the callback or `context.done` does, or `null` when nothing is left to run.
 */
export async function invoke(handler, event, context, release) {
  return asJson(
    await (release >= 24 ? handler(event, context) : invokeClassic(handler, event, context)),
    release,
  );
}

/** As `invoke`, beside other invocations: that nothing is left to run ends none of them. */
export async function invokeShared(handler, event, context, release) {
  const run = () => (release >= 24 ? handler(event, context) : invokeCalledBack(handler, event, context));
  return asJson(await run(), release);
}

function invokeCalledBack(handler, event, context) {
  const { promise, resolve, reject } = pending();
  const done = (error, result) => (error === undefined || error === null ? resolve(result) : reject(error));
  context.callbackWaitsForEmptyEventLoop = true;
  context.done = done;
  context.succeed = resolve;
  context.fail = (error) => reject(error ?? 'handled');
  try {
    const result = handler(event, context, done);
    if (typeof result?.then === 'function') result.then(resolve, reject);
  } catch (error) {
    reject(error);
  }
  return promise;
}

/** Return a promise with what settles it: a handler called within `new Promise` would show that. */
function pending() {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
}

function asJson(result, release) {
  let text;
  try {
    text = JSON.stringify(result === undefined ? null : result);
  } catch {
    const message = 'Unable to stringify response body';
    throw release >= 24 ? runtimeError('JSONStringifyError', message) : new Error(message);
  }
  // A function or a symbol: the words are those of AWS's client.
  if (text === undefined) throw new TypeError('Wrong arguments');
  return text;
}

function invokeClassic(handler, event, context) {
  const { promise, resolve, reject } = pending();
  let finished = false;
  let waits = true;
  const once = (action) => (...args) => {
    if (finished) return;
    finished = true;
    whenDrained(null);
    action(...args);
  };
  const settle = (error, result) => {
    if (error === undefined || error === null) return resolve(result);
    noteReason(error);
    return reject(error);
  };
  const done = once(settle);
  const callback = once((error, result) => {
    if (waits && (error === undefined || error === null)) {
      whenDrained(() => settle(null, result));
    } else {
      settle(error, result);
    }
  });
  Object.defineProperty(context, 'callbackWaitsForEmptyEventLoop', {
    enumerable: true,
    get: () => waits,
    set: (value) => {
      waits = value;
    },
  });
  context.done = done;
  context.succeed = (result) => done(null, result);
  context.fail = (error) => done(error ?? 'handled');
  whenDrained(() => resolve(null));
  try {
    const result = handler(event, context, callback);
    if (typeof result?.then === 'function') result.then(context.succeed, context.fail);
  } catch (error) {
    callback(error); // one that is null or undefined is none
  }
  return promise;
}
