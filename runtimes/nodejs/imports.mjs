// Measures the modules that INIT loads; imported only where it is asked for.
//
// CommonJS: each call of the loader, which nests. ES modules (from Node.js 22.15 on): a module's body
// runs after those of all it imports, so its own time is that of its loading and of its body, which
// is marked at both ends; what it is nested in is who imported it first.

import Module from 'node:module';
import { fileURLToPath } from 'node:url';

/** Imports that are told of, and the least that one of them takes, in milliseconds. */
const MOST = 200;
const LEAST_MS = 0.1;
const MARK = '__localfaasImports';

const now = () => performance.now();

function resolved(request, parent) {
  try {
    return Module._resolveFilename(request, parent);
  } catch {
    return request;
  }
}

/** Name a module by its package, or by its place in the function's folder. */
function shown(module) {
  const file = module.startsWith('file:') ? fileURLToPath(module) : module;
  const root = `${process.env.LAMBDA_TASK_ROOT ?? process.cwd()}/`;
  const inPackage = file.lastIndexOf('/node_modules/');
  if (inPackage >= 0) return file.slice(inPackage + '/node_modules/'.length);
  return file.startsWith(root) ? file.slice(root.length) : file;
}

export class Tracer {
  #began = 0;
  /** { module, parent, start, total, own } in the order in which they began. */
  #imports = [];
  #open = [];
  #byUrl = new Map();
  #load = Module._load;
  #hooks = null;

  begin() {
    this.#began = now();
    const tracer = this;
    Module._load = function load(request, parent, isMain) {
      return tracer.#timed(resolved(request, parent), () =>
        tracer.#load.call(Module, request, parent, isMain),
      );
    };
    if (!Module.registerHooks) return;
    Object.defineProperty(globalThis, MARK, {
      value: (url, ends) => this.#mark(url, ends),
      configurable: true,
      enumerable: false,
    });
    this.#hooks = Module.registerHooks({
      resolve: (specifier, context, next) => {
        const found = next(specifier, context);
        if (!this.#byUrl.has(found.url) && !context.conditions?.includes('require')) {
          const parent = this.#byUrl.get(context.parentURL);
          this.#byUrl.set(found.url, this.#add(found.url, parent?.place ?? null));
        }
        return found;
      },
      load: (url, context, next) => {
        const start = now();
        const loaded = next(url, context);
        const each = this.#byUrl.get(url);
        if (each === undefined || loaded.format !== 'module' || loaded.source == null) return loaded;
        each.own += now() - start;
        const source =
          typeof loaded.source === 'string' ? loaded.source : Buffer.from(loaded.source).toString();
        const key = JSON.stringify(url);
        // On the lines that are there: an error's line numbers stay right.
        const [, shebang, rest] = /^(#![^\n]*)?([^]*)$/.exec(source);
        const before = shebang ? `${shebang}\n` : '';
        const body = shebang ? rest.slice(1) : rest;
        const marked = `${before}globalThis.${MARK}?.(${key});${body}\n;globalThis.${MARK}?.(${key},true);`;
        return { ...loaded, source: marked };
      },
    });
  }

  #add(module, parent) {
    const each = { module, parent, start: now(), total: 0, own: 0, place: this.#imports.length };
    this.#imports.push(each);
    return each;
  }

  #timed(request, load) {
    const parent = this.#open.at(-1) ?? null;
    const each = this.#add(request, parent);
    this.#open.push(each.place);
    try {
      return load();
    } finally {
      this.#open.pop();
      each.total = now() - each.start;
      each.own += each.total;
      if (parent !== null) this.#imports[parent].own -= each.total;
    }
  }

  #mark(url, ends) {
    const each = this.#byUrl.get(url);
    if (each === undefined) return;
    if (ends) {
      each.own += now() - each.body;
      this.#open.pop();
    } else {
      each.body = now();
      this.#open.push(each.place);
    }
  }

  /** Measure no more; returns what was measured, as JSON. */
  end() {
    const total = now() - this.#began;
    Module._load = this.#load;
    this.#hooks?.deregister();
    delete globalThis[MARK];
    const all = this.#imports;
    // Of ES modules the total is the sum of what is nested in them; the inner ones come later.
    for (const each of [...all].reverse()) {
      each.total = Math.max(each.total, each.own + (each.inside ?? 0));
      if (each.parent !== null) {
        const outer = all[each.parent];
        outer.inside = (outer.inside ?? 0) + each.total;
      }
    }
    const kept = all
      .filter((each) => each.total >= LEAST_MS)
      .sort((a, b) => b.total - a.total)
      .slice(0, MOST)
      .sort((a, b) => a.place - b.place);
    const places = new Map(kept.map((each, at) => [each.place, at]));
    const round = (ms) => Math.round(Math.max(0, ms) * 1000) / 1000;
    const imports = kept.map((each) => ({
      module: shown(each.module),
      parent: places.get(each.parent) ?? null,
      start_ms: round(each.start - this.#began),
      total_ms: round(each.total),
      self_ms: round(each.own),
    }));
    return JSON.stringify({ total_ms: round(total), imports });
  }
}
