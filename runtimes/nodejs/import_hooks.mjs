// Lets `import` find packages by NODE_PATH on Node.js before 22.15; see setImportPath.

import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire('/var/runtime/index.mjs');
let places = [];

export function initialize(data) {
  places = data;
}

export async function resolve(specifier, context, next) {
  try {
    return await next(specifier, context);
  } catch (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND' || /^[./]|^\w+:/.test(specifier)) throw error;
    for (const { parent, folder } of places) {
      try {
        return await next(specifier, { ...context, parentURL: parent });
      } catch (other) {
        if (other.code !== 'ERR_MODULE_NOT_FOUND') throw other;
      }
      if (folder === null) continue;
      try {
        const found = require.resolve(path.join(folder, specifier));
        return { url: pathToFileURL(found).href, shortCircuit: true };
      } catch {
        // Not in this folder.
      }
    }
    throw error;
  }
}
