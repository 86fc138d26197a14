// Find the function a handler names: "index.handler", "src/api/users.routes.get".

import fs from 'node:fs';
import Module, { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import { runtimeError } from './logging.mjs';

let sdkFolder;
/** Whether `import` needs no hooks any more, or not yet: the function is not known. */
let isImportPathSet = true;

// Where Lambda's own runtime stands: shown in the "Require stack" of a failed import.
const require = createRequire('/var/runtime/index.mjs');

/**
 * Put packages on the path of `require`: layers and the AWS SDK.
 *
 * Node reads NODE_PATH when it starts, which may be long before this environment was set.
 *
 * @param {string} [sdk] a folder of packages that come after all others
 */
export function setPackagePath(sdk) {
  sdkFolder = sdk;
  isImportPathSet = false;
  const own = process.env.NODE_PATH;
  if (sdk) process.env.NODE_PATH = [own, sdk].filter(Boolean).join(path.delimiter);
  Module._initPaths();
  if (sdk && own === undefined) delete process.env.NODE_PATH;
  else if (sdk) process.env.NODE_PATH = own;
}

/**
 * Let `import` find packages by NODE_PATH, too, which Node.js itself keeps to `require`.
 *
 * As AWS's own Node.js does: what a bare name is not found for from where it is imported is looked
 * for once from each folder, by the rules of ES modules. Nothing changes for what is found.
 */
function setImportPath() {
  if (isImportPathSet) return;
  isImportPathSet = true;
  const { NODE_PATH = '', LAMBDA_TASK_ROOT, LAMBDA_RUNTIME_DIR } = process.env;
  const folders = [...NODE_PATH.split(path.delimiter), sdkFolder].filter(Boolean);
  const holdsPackages = (folder) =>
    ![LAMBDA_TASK_ROOT, LAMBDA_RUNTIME_DIR].includes(folder) && fs.existsSync(folder);
  if (!folders.some(holdsPackages)) return;
  const places = folders.map((folder) => ({
    parent: pathToFileURL(path.join(folder, 'any.mjs')).href,
    // Of a folder by any other name ES modules find nothing: what `require` would find there.
    folder: path.basename(folder) === 'node_modules' ? null : folder,
  }));
  if (Module.registerHooks) {
    Module.registerHooks({
      resolve(specifier, context, next) {
        try {
          return next(specifier, context);
        } catch (error) {
          if (!isUnfound(error, specifier) || isRequire(context)) throw error;
          return fromPlaces(places, specifier, (parentURL) => next(specifier, { ...context, parentURL })) ??
            rethrow(error);
        }
      },
    });
  } else if (Module.register) {
    // Before Node.js 22.15 hooks live in a thread of their own (some 20 ms, once).
    Module.register(new URL('./import_hooks.mjs', import.meta.url), { data: places });
  }
}

function isUnfound(error, specifier) {
  return error.code === 'ERR_MODULE_NOT_FOUND' && !/^[./]|^\w+:/.test(specifier);
}

/** `require` knows NODE_PATH by itself. */
function isRequire(context) {
  return context.conditions?.includes('require') ?? false;
}

function fromPlaces(places, specifier, resolve) {
  for (const { parent, folder } of places) {
    try {
      return resolve(parent);
    } catch (error) {
      if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    }
    const url = folder && required(folder, specifier);
    if (url) return { url, shortCircuit: true };
  }
  return undefined;
}

function required(folder, specifier) {
  try {
    return pathToFileURL(require.resolve(path.join(folder, specifier))).href;
  } catch {
    return null;
  }
}

function rethrow(error) {
  throw error;
}

/**
 * Load the function that `handler` names below `root`.
 *
 * @param {number} release of Node.js as the function's runtime identifier has it
 */
export async function loadHandler(root, handler, release) {
  if (handler.includes('..')) {
    throw runtimeError(
      'MalformedHandlerName',
      `'${handler}' is not a valid handler name. ` +
        'Use absolute paths when specifying root directories in handler names.',
    );
  }
  const [, file, name] = path.basename(handler).match(/^([^.]*)\.(.*)$/) ?? [];
  if (file === undefined) throw runtimeError('MalformedHandlerName', 'Bad handler');
  const inside = handler.slice(0, handler.lastIndexOf(path.basename(handler)));
  const folder = release >= 24 ? path.join(root, inside) : path.resolve(root, inside);
  // Built here from TypeScript: stack traces name places of the sources.
  if (fs.existsSync(path.join(root, '.source-maps'))) process.setSourceMapsEnabled(true);
  let module;
  try {
    module = await (release >= 24 ? importModule(root, folder, file) : loadModule(root, folder, file));
  } catch (error) {
    throw explain(error);
  }
  const found = member(module, name) ?? (release >= 24 ? member(module?.default, name) : undefined);
  if (!found) throw runtimeError('HandlerNotFound', `${handler} is undefined or not exported`);
  if (typeof found !== 'function') {
    throw runtimeError('HandlerNotFound', `${handler} is not a function`);
  }
  if (release >= 24 && found.length >= 3 && !isStreaming(found)) {
    throw runtimeError(
      'CallbackHandlerDeprecated',
      'ERROR: AWS Lambda has removed support for callback-based function handlers starting with ' +
        'Node.js 24. You need to modify this function to use a supported handler signature to ' +
        'use Node.js 24 or later. For more information see ' +
        'https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.',
    );
  }
  return found;
}

/** Load as Lambda does since Node.js 24: by `import` alone, which refuses folders. */
async function importModule(root, folder, file) {
  const base = path.join(folder, file);
  for (const extension of ['', '.js', '.mjs', '.cjs']) {
    if (fs.existsSync(base + extension)) return importFile(base + extension);
  }
  setImportPath();
  return require(require.resolve(file, { paths: [root, folder] }));
}

/** Load as Lambda did before: CommonJS first. */
async function loadModule(root, folder, file) {
  const base = path.join(folder, file);
  const isFile = (name) => fs.statSync(name, { throwIfNoEntry: false })?.isFile() ?? false;
  // Where the hooks cost nothing they are set for all; else for modules whose text has `import(`.
  if (Module.registerHooks || importsLater(base)) setImportPath();
  if (isFile(base)) return require(base);
  if (isFile(base + '.js')) {
    return inModulePackage(folder) ? importFile(base + '.js') : require(base + '.js');
  }
  if (isFile(base + '.mjs')) return importFile(base + '.mjs');
  if (isFile(base + '.cjs')) return require(base + '.cjs');
  if (fs.existsSync(base)) return require(base);
  return require(require.resolve(file, { paths: [root, folder] }));
}

/** Say whether a CommonJS module may `import()` something. */
function importsLater(base) {
  for (const file of [base, base + '.js', base + '.cjs']) {
    try {
      return /\bimport\s*\(/.test(fs.readFileSync(file, 'utf8'));
    } catch {
      // Not this one.
    }
  }
  return false;
}

function importFile(file) {
  setImportPath();
  return import(pathToFileURL(file).href);
}

/** Say whether the nearest package.json makes `.js` an ES module. */
function inModulePackage(folder) {
  for (let at = folder; !at.endsWith('/node_modules'); at = path.dirname(at)) {
    try {
      return JSON.parse(fs.readFileSync(path.join(at, 'package.json'), 'utf8'))?.type === 'module';
    } catch (error) {
      if (error instanceof SyntaxError) {
        console.warn(`${at}/package.json cannot be read, it will be ignored.`, error);
        return false;
      }
    }
    if (at === path.dirname(at)) break;
  }
  return false;
}

function member(module, name) {
  return name.split('.').reduce((inner, key) => inner?.[key] ?? undefined, module);
}

/** Turn what user code fails with at import into Lambda's error types. */
function explain(error) {
  if (error instanceof SyntaxError) {
    const wrapped = runtimeError('UserCodeSyntaxError', String(error));
    wrapped.stack = error.stack;
    return wrapped;
  }
  const missing = /(?:module|package) '((?:@aws-sdk|@smithy)\/[^'/]+|aws-sdk)/.exec(error?.message);
  if (missing && /MODULE_NOT_FOUND$/.test(error.code)) {
    error.message +=
      `\n${missing[1]} is not installed here. ` +
      `Install it next to the function: npm install ${missing[1]}; ` +
      'or once for all functions, as AWS has it, and start localfaas again: ' +
      `npm install --prefix ~/.localfaas/nodejs ${missing[1]}`;
  }
  return error?.code === 'MODULE_NOT_FOUND'
    ? runtimeError('ImportModuleError', String(error))
    : error;
}

const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming');
const HIGH_WATER_MARK = Symbol.for('aws.lambda.runtime.handler.streaming.highWaterMark');

/** Mark a handler as one that streams its response: `awslambda.streamifyResponse`. */
function streamifyResponse(handler, options) {
  handler[STREAMING] = 'response';
  if (typeof options?.highWaterMark === 'number') {
    handler[HIGH_WATER_MARK] = Math.trunc(options.highWaterMark);
  }
  return handler;
}

export function isStreaming(handler) {
  const mode = handler[STREAMING];
  if (mode && mode !== 'response') {
    throw runtimeError('MalformedStreamingHandler', 'Only response streaming is supported.');
  }
  return Boolean(mode);
}

export function highWaterMark(handler) {
  return handler[HIGH_WATER_MARK];
}

/** Gives a stream the status, headers and cookies of an HTTP response. */
const HttpResponseStream = {
  from(stream, metadata) {
    stream.setContentType('application/vnd.awslambda.http-integration-response');
    stream._onBeforeFirstWrite = (write) => {
      write(JSON.stringify(metadata));
      write(new Uint8Array(8));
    };
    return stream;
  },
};

/** Set the global `awslambda`, with what else is to be in it, unless it is not wanted. */
export function setGlobals(more) {
  if (/^(1|true)$/.test(process.env.AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA ?? '')) return;
  globalThis.awslambda = { ...globalThis.awslambda, streamifyResponse, HttpResponseStream, ...more };
}
