"""Node.js functions to compare clients by; see ``python_cases``."""

# ruff: noqa: E501
from __future__ import annotations

from itertools import product

PREAMBLE = """
const fs = require('fs'), util = require('util'), { EventEmitter } = require('events');
class Own extends Error { constructor(m, more) { super(m); this.name = 'Own'; Object.assign(this, more); } }
class Plain { constructor() { this.a = 1; } }
class ToJson { toJSON() { return { json: true }; } }
class BadJson { toJSON() { throw new Error('no json'); } }
const circle = () => { const a = {}; a.a = a; return a; };
const named = (name, more) => Object.assign(new Error('m'), { name, ...more });
const deep = (n) => (n ? deep(n - 1) : (() => { throw new Own('bottom'); })());
const nest = (n) => (n ? [nest(n - 1)] : null);
const wait = (ms, v) => new Promise((done) => setTimeout(done, ms, v));
"""

_VALUES = """
null|undefined|true|false|0|-0|1.5|1e21|NaN|Infinity|-Infinity|''|'text'|'é 日本 😀'|'\\u2028'|'\\ud800'|'a\\x7fb'
'line\\nbreak'|[]|[1, , 3]|[undefined]|{}|{ a: undefined }|{ a: null }|{ 'é': 1 }|new Date(0)|new Date(NaN)|/x/g
new Map([[1, 2]])|new Set([1])|Symbol('s')|() => 1|class A {}|new Plain()|new ToJson()|new Own('returned')
Buffer.from('x')|new Uint8Array([1])|Object.create(null)|new Proxy({}, {})|new Number(1)|new String('s')
new Boolean(false)|{ toJSON: 3 }|{ then: 3 }|nest(200)|'x'.repeat(50000)|new EventEmitter()|process.version.length > 0
{ statusCode: 200, body: 'b' }|[new Date(0), /x/, () => 1]|new WeakMap()|globalThis === global|new URL('http://a/b')
"""
_UNSTRINGABLE = (
    "1n|{ a: 1n }|circle()|[circle()]|new BadJson()|{ get a() { throw new Own('getter'); } }"
)
_FORMS = {
    "async": "async () => ({})",
    "promise": "() => Promise.resolve({})",
    "later": "async () => wait(1, {})",
    "callback": "(e, c, callback) => callback(null, {})",
    "callback-later": "(e, c, callback) => { setTimeout(() => callback(null, {}), 1); }",
    "succeed": "(e, c) => c.succeed({})",
    "done": "(e, c) => c.done(null, {})",
}
_ERRORS = """
new Error('message')|new Error()|new Error('')|new TypeError('type')|new Own('own')|new Own('with', { code: 'E', extra: { a: [1] } })
'text'|''|0|1|null|undefined|{}|{ a: 1 }|{ name: 'N', message: 'M', stack: 'S' }|{ name: 'N', message: 'M' }|[1]|true
named('Odd name')|named('')|named('a\\x7fb')|named('N', { message: 'é 日本' })|new Error('a\\nb\\x7fc')
new Error('cause', { cause: new Own('inner') })|new AggregateError([new Error('a')], 'all')|new RangeError('r')
Object.assign(new Error('m'), { stack: undefined })|Object.assign(new Error('m'), { stack: 3 })|Object.assign(new Error('m'), { self: circle() })
Object.assign(new Error('m'), { big: 1n })|Object.freeze(new Error('frozen'))|new (class Sub extends Own {})('sub')|new Date(0)|() => 1
new DOMException('d', 'AbortError')|new SyntaxError('mine')|Object.create(Error.prototype)|new Error('x'.repeat(3000))
"""
#: Not a symbol: AWS's client ends at one, and its invocation with it.
_FAILS = {
    "throw": "() => { throw {}; }",
    "async": "async () => { throw {}; }",
    "reject": "() => Promise.reject({})",
    "callback": "(e, c, callback) => callback({})",
    "fail": "(e, c) => c.fail({})",
    "done": "(e, c) => c.done({})",
}
_STATEMENTS = """
null.x|undefinedName|JSON.parse('{')|deep(3)|require('no-such-module')|decodeURIComponent('%')|new Array(-1)
await import('no-such-module')|await Promise.reject(new Own('awaited'))|fs.readFileSync('/no/such/file')|eval('1 +')
await wait(1).then(() => { throw new Own('later'); })|const a = 1; a = 2|[].reduce((a) => a)|'x'.repeat(-1)
"""
_PRINTS = """
'text'|'two\\nlines'|'%s %d %j %o %%', 'a', 1, { a: 1 }, [1]|'a', 'b', 3|{ a: { b: { c: { d: 1 } } } }|[1, [2, [3]]]|null|undefined|
''|'é 日本 😀'|new Error('logged')|'with', new Own('second')|new Own('m', { code: 'C' })|Symbol('s')|1n|() => 1|class A {}|new Map([[1, { a: 2 }]])
new Set(['a'])|circle()|Buffer.from('x')|new Date(0)|'%s'|'%s', undefined|'%c styled', 'color: red'|'\\x1b[31mred'|'\\x00'|'x'.repeat(3000)
'cr\\rhere'|'tab\\there'|true|-0|new Proxy({ a: 1 }, {})|new BadJson()|{ e: new Error('nested') }|[new Own('in array')]|{ level: 'mine', message: 'm' }
"""
_METHODS = ("log", "info", "warn", "error", "debug", "trace")
_PRINTED_OTHERWISE = """
process.stdout.write('raw\\n')|process.stdout.write('no end')|process.stderr.write('err\\n')|fs.writeSync(1, 'sync\\n')|fs.writeSync(2, 'sync err\\n')
console.fatal?.('fatal')|console.table([{ a: 1 }])|console.dir({ a: { b: { c: { d: 1 } } } }, { depth: 0 })|console.assert(false, 'asserted')
console.group('g'); console.log('inside'); console.groupEnd()|console.count('c')|console.log.apply(null, ['applied', 1])
const { log } = console; log('bare')|console.log(util.inspect({ a: 1 }))|process.emitWarning('careful')|console.timeLog?.('none')
require('child_process').execSync('echo child', { stdio: 'inherit' })|console.log(); console.log('after')|new console.Console(process.stdout).log('own console')
setTimeout(() => console.log('timer'), 1); await wait(20)|console.log('%i %f %O', 1.5, 2.5, { a: 1 })|process.stdout.write(Buffer.from('bytes\\n'))
"""
_READS = """
Object.keys(c).sort()|c.functionName|c.awsRequestId|c.invokedFunctionArn|c.memoryLimitInMB|c.logGroupName|c.logStreamName|c.functionVersion
c.getRemainingTimeInMillis() > 0|c.clientContext|c.identity|c.tenantId|c.callbackWaitsForEmptyEventLoop|typeof c.done|typeof c.succeed
process.env._X_AMZN_TRACE_ID|process.env._LAMBDA_TELEMETRY_LOG_FD ?? 'gone'|e|typeof e|process.argv.length|process.cwd() === process.env.LAMBDA_TASK_ROOT
Object.keys(globalThis.awslambda ?? {}).sort()|typeof awslambda.streamifyResponse|Object.keys(process.env).filter((n) => /^[AL_N]/.test(n)).sort()
process.listenerCount('uncaughtException')|process.listenerCount('unhandledRejection')|process.execArgv|require.main === module|typeof __filename
module.children.length|String(c)|JSON.stringify(Object.getOwnPropertyNames(c).sort())|process.title|process.stdin.isTTY ?? 'no'
"""


def _parts(text: str) -> list[str]:
    return [part for line in text.strip().splitlines() for part in line.split("|")]


def returned(forms: tuple[str, ...]) -> list[str]:
    """Return handlers that answer with a value of some shape in some way."""
    values = _parts(_VALUES) + _parts(_UNSTRINGABLE)
    made = [_FORMS[form].replace("{}", f"({value})") for value, form in product(values, forms[:1])]
    # At what JSON leaves out, from a callback, AWS's client ends.
    few = [each for each in _parts(_VALUES) if not each.startswith(("Symbol", "()", "class"))][::5]
    return made + [
        _FORMS[form].replace("{}", f"({value})") for value, form in product(few, forms[1:])
    ]


def failed(forms: tuple[str, ...]) -> list[str]:
    """Return handlers that fail with something in some way."""
    errors = _parts(_ERRORS)
    made = [_FAILS[form].replace("{}", error) for error, form in product(errors, forms[:2])]
    made += [_FAILS[form].replace("{}", error) for error, form in product(errors[::3], forms[2:])]
    return made + [f"async () => {{ {statement}; }}" for statement in _parts(_STATEMENTS)]


def printed() -> list[str]:
    """Return handlers that print in some way."""
    made = [f"async () => {{ console.log({arguments}); }}" for arguments in _parts(_PRINTS)]
    made += [
        f"async () => {{ console.{method}({arguments}); }}"
        for method, arguments in product(_METHODS[1:], _parts(_PRINTS)[:16:3])
    ]
    return made + [f"async () => {{ {statement}; }}" for statement in _parts(_PRINTED_OTHERWISE)]


def read() -> list[str]:
    """Return handlers that look at what they are given."""
    return [f"async (e, c) => ({what})" for what in _parts(_READS)]


CLASSIC = (
    tuple(_FORMS),
    ("async", "throw", "reject", "callback", "fail", "done"),
)
#: From Node.js 24 on there are no callbacks.
MODERN = (("async", "promise", "later"), ("async", "throw", "reject"))


def module(handlers: list[str]) -> str:
    """Return a module whose handler is that with the event's number."""
    cases = ",\n".join(handlers)
    return (
        f"{PREAMBLE}\nconst CASES = [\n{cases}\n];\n"
        "exports.handler = (event, context, ...more) => {\n"
        "  fs.writeSync(1, `== ${event.n}\\n`);\n"
        "  return CASES[event.n](event, context, ...more);\n};\n"
    )


_OK = "exports.handler = async (event) => { console.log('ran'); return event; };\n"
_ESM = "export const handler = async (event) => { console.log('ran'); return event; };\n"
#: name: (files, handler)
ALONE: dict[str, tuple[dict[str, str], str]] = {}
_ENDS = """
process.exit()|process.exit(0)|process.exit(1)|process.exit(7)|process.kill(process.pid, 'SIGKILL')|process.kill(process.pid, 'SIGTERM')
process.abort()|setImmediate(() => { throw new Error('uncaught'); }); await new Promise(() => {})
Promise.reject(new Error('unhandled')); await new Promise((r) => setTimeout(r, 50))
process.exitCode = 3|setTimeout(() => { throw 'text'; }, 1); await new Promise((r) => setTimeout(r, 50))
Promise.reject('text'); await new Promise((r) => setTimeout(r, 50))|Promise.reject(); await new Promise((r) => setTimeout(r, 50))
process.emit('SIGTERM')|queueMicrotask(() => { throw new Error('micro'); }); await new Promise((r) => setTimeout(r, 50))
"""
for _number, _end in enumerate(_parts(_ENDS)):
    _body = f"console.log('before'); {_end};"
    ALONE[f"end-{_number}"] = (
        {"index.js": f"exports.handler = async () => {{ {_body} return 1; }};\n"},
        "index.handler",
    )
    ALONE[f"init-end-{_number}"] = (
        {"index.mjs": f"{_body}\n{_ESM}"},
        "index.handler",
    )
for _number, (_file, _source) in enumerate(
    (
        ("index.js", "throw new Error('at import');\n" + _OK),
        ("index.js", "require('no-such');\n" + _OK),
        ("index.js", "require('./no-such');\n" + _OK),
        ("index.js", "const x = ;\n"),
        ("index.js", "exports.handler = 3;\n"),
        ("index.js", "exports.other = 3;\n"),
        ("index.js", "module.exports = async () => 'whole';\n"),
        ("index.js", "throw 'text';\n"),
        ("index.js", "throw null;\n"),
        ("index.js", "throw new SyntaxError('mine');\n"),
        ("index.js", "import x from 'y';\n" + _OK),
        ("index.js", _ESM),
        ("index.mjs", _ESM),
        ("index.mjs", "import x from 'no-such';\n" + _ESM),
        ("index.mjs", "import x from './no-such.mjs';\n" + _ESM),
        ("index.mjs", "await 0;\n" + _ESM),
        ("index.mjs", "export default { handler: async () => 'default' };\n"),
        ("index.mjs", "export const x = ;\n"),
        ("index.mjs", "throw new TypeError('top');\n" + _ESM),
        ("index.mjs", "await Promise.reject(new Error('awaited'));\n" + _ESM),
        ("index.mjs", "const x = require('fs');\n" + _ESM),
        ("index.mjs", "console.log('at import');\nconsole.error(new Error('logged'));\n" + _ESM),
        ("index.cjs", _OK),
        ("index.js", "let n = 0;\nexports.handler = async () => ++n;\n"),
        ("index.js", "exports.handler = async function* () { yield 1; };\n"),
        ("index.js", "exports.handler = () => {};\n"),
        ("index.js", "exports.handler = () => 'sync';\n"),
        ("index.js", "exports.handler = async (e, c) => { c.x = 1; return Object.keys(c).includes('x'); };\n"),
        ("index.js", "exports.handler = class { constructor() {} };\n"),
        ("index.js", "console.log = () => {};\n" + _OK),
        ("index.js", "process.stdout.write = () => true;\n" + _OK),
        ("index.js", "JSON.stringify = () => 'mine';\n" + _OK),
        ("index.js", "Object.defineProperty(exports, 'handler', { get() { throw new Error('getter'); } });\n"),
        ("index.js", "process.on('uncaughtException', (e) => console.log('mine', e.message));\nexports.handler = async () => { setImmediate(() => { throw new Error('u'); }); await new Promise((r) => setTimeout(r, 20)); return 1; };\n"),
        ("index.js", "process.on('beforeExit', () => console.log('before exit'));\n" + _OK),
        ("index.js", "process.on('exit', (c) => console.log('exit', c));\nexports.handler = async () => process.exit(4);\n"),
        ("index.js", "setInterval(() => {}, 1000);\nexports.handler = async () => 'with a timer';\n"),
    )
):  # fmt: skip
    ALONE[f"module-{_number}"] = ({_file: _source}, "index.handler")
for _number, _handler in enumerate(
    (
        "index", "", ".", "index.", ".handler", "index.missing", "missing.handler", "index.a.b.handler", "src/index.handler",
        "src/index.a.b", "../index.handler", "index.handler.more", "/index.handler", "./index.handler", "pkg.handler", "data.handler",
        "src.handler", "index.js.handler", "é.handler", "my-func.handler", "esm/index.handler", "index..handler", "node:fs.readFileSync",
    )
):  # fmt: skip
    ALONE[f"handler-{_number}"] = (
        {
            "index.js": "exports.a = { b: { handler: async () => 'nested' } };\n" + _OK,
            "src/index.js": "exports.a = { b: async () => 'deep' };\n" + _OK,
            "node_modules/pkg/index.js": "exports.handler = async () => 'package';\n",
            "data.json": '{"handler": 1}',
            "my-func.js": _OK,
            "esm/package.json": '{"type": "module"}',
            "esm/index.js": _ESM,
        },
        _handler,
    )
#: For the releases with callbacks alone.
for _number, _source in enumerate(
    (
        "(e, c, cb) => { setTimeout(() => console.log('late'), 20); cb(null, 'waits'); }",
        "(e, c, cb) => { c.callbackWaitsForEmptyEventLoop = false; setTimeout(() => console.log('never'), 500); cb(null, 'now'); }",
        "(e, c, cb) => { cb(null, 1); cb(null, 2); }",
        "(e, c, cb) => { cb(new Error('first')); cb(null, 2); }",
        "(e, c, cb) => { cb(null, 1); throw new Error('after'); }",
        "(e, c, cb) => { c.succeed('first'); cb(null, 'second'); }",
        "(e, c) => { c.done(null, 1); c.done(null, 2); }",
        "async (e, c, cb) => { cb(null, 'callback'); return 'returned'; }",
        "async (e, c, cb) => { cb(new Error('callback')); return 'returned'; }",
        "(e, c, cb) => { setTimeout(() => {}, 20); }",
        "(e, c, cb) => cb()",
        "(e, c, cb) => cb(undefined)",
        "(e, c, cb) => cb(false)",
        "(e, c, cb) => cb('')",
        "(e, c, cb) => cb(0, 'zero')",
        "(e, c) => c.fail()",
        "(e, c) => { c.callbackWaitsForEmptyEventLoop = 'odd'; c.succeed(c.callbackWaitsForEmptyEventLoop); }",
        "(e, c, cb) => { process.nextTick(() => { throw new Error('tick'); }); }",
        "(e, c, cb) => { setTimeout(() => { throw new Error('timer'); }, 5); cb(null, 'answered'); }",
        "(e, c, cb) => { Promise.reject(new Error('rejected')); cb(null, 'answered'); }",
        "(e, c, cb) => ({ then: (done) => done('thenable') })",
        "(e, c, cb) => 'not waited for'",
        "async (e, c) => new Promise(() => {})",
        "(e, c, cb) => cb(null, circular = (() => { const a = {}; a.a = a; return a; })())",
    )
):
    ALONE[f"classic-{_number}"] = ({"index.js": f"exports.handler = {_source};\n"}, "index.handler")
for _number, _source in enumerate(
    (
        "s.write('a'); s.end('b');", "s.end();", "", "s.write({ a: 1 }); s.end();", "throw new Error('early');",
        "s.write('part'); throw new Error('late');", "s.setContentType('text/x'); s.end('t');",
        "s.end('x'); s.setContentType('late/x');", "s.write('x'); s.end(); return 'ignored';",
        "s.write(Buffer.alloc(100000, 'x')); s.end();", "s = awslambda.HttpResponseStream.from(s, { statusCode: 201 }); s.write('h'); s.end();",
        "s.write('1'); await new Promise((r) => setTimeout(r, 5)); s.write('2'); s.end();",
        "await require('stream/promises').pipeline(require('stream').Readable.from(['p', 'q']), s);",
        "s.end('x'); s.write('after');", "s.destroy(new Error('gone'));", "throw 'text';", "s.write('p'); throw null;",
    )
):  # fmt: skip
    ALONE[f"stream-{_number}"] = (
        {
            "index.js": f"exports.handler = awslambda.streamifyResponse(async (e, s, c) => {{ {_source} }});\n"
        },
        "index.handler",
    )


_STREAM_ERROR = (
    "AWS's client tells of it in the trailers of an empty response, ours as an error: a caller "
    "sees the same"
)
_STREAM_END = "AWS's client ends with its process, ours with the invocation alone"
_SYNTAX = "ours shows where the syntax is wrong, as AWS's client of Node.js 24 does"
#: What is left different, and why.
DIFFERS = {
    **dict.fromkeys(("module-3", "module-9", "module-10", "module-11", "module-17"), _SYNTAX),
    "module-8": "AWS's client fails at a null that was thrown; ours says that it was",
    "handler-22": "Node.js says what of the context it was given, which is another object",
    "module-33": "a listener of the user's own is heard before the end; AWS's client ends first",
    "classic-23": "AWS's client ends with its process, ours with the invocation alone",
    "stream-2": "AWS's client never answers; ours says that the stream was not finished",
    "stream-4": _STREAM_ERROR,
    "stream-15": _STREAM_ERROR,
    "stream-5": "AWS's client calls the handler as its own method, which the stack shows",
    "stream-7": "AWS's client has sent the end before it hears of the error",
    "stream-13": _STREAM_END,
    "stream-14": _STREAM_END,
}
#: Likewise, of Node.js 24 alone.
DIFFERS_SINCE_24 = {
    "handler-22": DIFFERS["handler-22"],
    "handler-1": "no function is without a handler, which AWS's client takes for granted",
}


def differs(name: str, release: int) -> str:
    """Return why a function may differ on a release; empty where it may not."""
    if release < 24:
        return DIFFERS.get(name, "")
    if name.startswith(("classic", "stream")):
        return "no callbacks there" if name.startswith("classic") else "compared on Node.js 22"
    return DIFFERS_SINCE_24.get(name, "")
