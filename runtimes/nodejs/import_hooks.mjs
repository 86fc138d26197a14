// Lets `import` find packages by NODE_PATH on Node.js before 22.15; see setImportPath.

import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const { resolve: find } = createRequire('/var/runtime/index.mjs');
let folders = [];

export function initialize(data) {
  folders = data;
}

export async function resolve(specifier, context, next) {
  try {
    return await next(specifier, context);
  } catch (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND' || /^[./]|^\w+:/.test(specifier)) throw error;
    for (const folder of folders) {
      try {
        const found = find(`${folder}/${specifier}`);
        return { url: pathToFileURL(found).href, shortCircuit: true };
      } catch {
        // Not in this folder.
      }
    }
    throw error;
  }
}
