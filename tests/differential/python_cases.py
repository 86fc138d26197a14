"""Python functions to compare clients by: bodies of handlers, made from lists of parts.

``SHARED`` ones run one after the other in one process; each of ``ALONE`` is a module of its own.
"""

# ruff: noqa: E501
from __future__ import annotations

from itertools import product

PREAMBLE = """
import collections, contextlib, dataclasses, datetime, decimal, enum, io, json, logging, math
import os, queue, subprocess, sys, threading, time, types, uuid, warnings
D = decimal.Decimal
Point = collections.namedtuple("Point", "x y")
class Colour(enum.Enum):
    RED = 1
class Number(enum.IntEnum):
    ONE = 1
class Word(str, enum.Enum):
    A = "a"
class Text(str):
    def __str__(self): return "other"
class Whole(int):
    def __str__(self): return "other"
    def __repr__(self): return "other"
class Real(float):
    def __repr__(self): return "other"
class Rows(list): ...
class Fields(dict): ...
class AsDict:
    def _asdict(self): return {"a": [1, Point(1, 2)]}
class BadAsDict:
    def _asdict(self): return [1]
class NeedyAsDict:
    def _asdict(self, more): return {}
class RaisingAsDict:
    def _asdict(self): raise ValueError("no dict")
class AsDictText(str):
    def _asdict(self): return {"never": 1}
class AsDictList(list):
    def _asdict(self): return {"list": list(self)}
class ForJson:
    def for_json(self): return {"x": 1}
class Odd:
    def __repr__(self): return "<odd>"
class Own(Exception): ...
class Silent(Exception):
    def __str__(self): return ""
class Unprintable(Exception):
    def __str__(self): raise RuntimeError("no text")
class Base(BaseException): ...
class Slotted:
    __slots__ = ("a",)
@dataclasses.dataclass
class Data:
    x: int = 1
def circle(kind):
    if kind is dict:
        a = {}; a["a"] = a
    else:
        a = []; a.append(a)
    return a
def nested(depth, kind=list):
    value = None
    for _ in range(depth):
        value = [value] if kind is list else {"a": value}
    return value
def chain():
    try:
        raise KeyError("first")
    except KeyError as error:
        raise ValueError("second") from error
def context_chain():
    try:
        1 / 0
    except ZeroDivisionError:
        raise Own("while handling")
def deep(n):
    if n: deep(n - 1)
    raise RuntimeError("at the bottom")
log = logging.getLogger()
named = logging.getLogger("a.b")
"""

_SCALARS = """
None|True|False|0|-1|2**53|2**64|-2**200|0.0|-0.0|1.5|1e22|1e-7|float("nan")|float("inf")|float("-inf")
""|"plain"|"quote\\" back\\\\"|"\\n\\t\\r\\b\\f\\0\\x1f\\x7f"|"é\\u2028\\u2029"|"😀"|"日本"|"</script>"
D("1.10")|D("1E+5")|D("-0")|D("NaN")|D("-NaN")|D("sNaN")|D("Infinity")|D("-Infinity")|D(10)**30
Word.A|Number.ONE|Whole(3)|Real(2.5)|Text("t")|Point(1, 2)|Point(Point(1, 2), [Point(3, 4)])|AsDict()
AsDictText("s")|AsDictList([1])|b"bytes"|"\\x80"|Fields(a=1)|Rows([1])|collections.OrderedDict(b=1, a=2)
collections.defaultdict(list)|collections.Counter("aab")|types.SimpleNamespace(a=1)|collections.UserDict(a=1)
"""
_FAILING = """
{1, 2}|frozenset()|object()|Odd()|Data()|datetime.datetime(2020, 1, 1)|datetime.date(2020, 1, 1)
uuid.UUID(int=1)|Colour.RED|1j|range(3)|(n for n in range(3))|map(str, [1])|bytearray(b"x")
memoryview(b"x")|len|Own|Own("x")|BadAsDict()|NeedyAsDict()|RaisingAsDict()|ForJson()|Slotted()
b"\\xff"|{b"\\xff": 1}|{(1, 2): 1}|{Odd(): 1}|{frozenset(): 1}|{D("1"): 1}|{Colour.RED: 1}|io.BytesIO()
circle(list)|circle(dict)|{"a": circle(list)}|types.MappingProxyType({"a": 1})|collections.deque([1])
[{"a": {1}}]|{"a": [Odd()]}|iter([])|NotImplemented|...|json|lambda: 1|sys.stdout|threading.Lock()
"""
_KEYS = """
1|-1|2**70|1.5|float("nan")|float("inf")|True|False|None|"é"|b"bytes"|b"\\xc3\\xa9"|Number.ONE|Whole(3)
Real(2.5)|Text("t")|Word.A|""|"a\\"b"
"""
_WRAPS = ("{}", "[{}]", '{{"k": {}}}', "[[], {{}}, {}]")
_RAISES = """
raise Own("message")|raise Own|raise Own()|raise Own("a", 2)|raise Own(None)|raise Own(b"x")
raise ValueError("multi\\nline\\r\\ntext")|raise Own("é 日本 😀")|raise Own("  spaces")|raise Own("tab\\t")
raise KeyError("k")|raise KeyError|raise Silent()|raise StopIteration(3)
raise StopAsyncIteration|raise OSError(2, "no file", "name")|raise UnicodeDecodeError("utf-8", b"x", 0, 1, "r")
raise AssertionError|assert False|assert False, "why"|1 / 0|[][1]|{}["a"]|None.x|undefined|int("x")
"a" + 1|open("/no/such/file")|chain()|context_chain()|deep(3)|deep(40)|exec("1 +")|eval("1 1")
__import__("no_such_module")|import no.such.module|from json import nothing|json.loads("{")
exec(compile("raise Own('made')", "made.py", "exec"))|exec("raise Own('text')")|raise Own("x" * 5000)
raise type("Made", (Exception,), {})("made")|raise type("日本", (Exception,), {})("named")
raise LookupError() from None|warnings.warn("w", stacklevel=1); raise Own("after")|raise RecursionError("mine")
(lambda: 1 / 0)()|[1 / n for n in (1, 0)]|next(iter([]))|raise Own(Own("inner"))|raise 3|raise "text"
raise ImportError("an import", name="n", path="p")|raise ModuleNotFoundError("m")|raise SyntaxError("mine")
raise TimeoutError("t")|raise MemoryError|raise NotImplementedError("n")|raise Exception({"a": 1})
contextlib.ExitStack().__enter__().push(3); raise Own("x")|raise Own("\\x00\\x1b[31mred")
decimal.Decimal("x")|raise BrokenPipeError(32, "Broken pipe")|raise Own("trailing\\n")|raise Own("\\n")
"""
_PRINTS = """
print("line")|print("two\\nlines")|print("no end", end="")|print()|print("a", "b", sep="\\n")
print("err", file=sys.stderr)|print("é 日本 😀")|print("cr\\rhere")|print("\\x00\\x1b")|print("x" * 3000)
sys.stdout.write("raw")|sys.stdout.write("raw\\n")|sys.stderr.write("raw err\\n")|os.write(1, b"fd 1\\n")
os.write(2, b"fd 2\\n")|sys.stdout.writelines(["a\\n", "b\\n"])|print(None, True, 1.5)|print({"a": [1]})
sys.stdout.buffer.write(b"buffered\\n"); sys.stdout.flush()|sys.__stdout__.write("own\\n"); sys.__stdout__.flush()
subprocess.run(["echo", "child"])|os.system("echo shell; echo err >&2")|context.log("by context")
context.log("by context\\ntwo lines\\n")|context.log({"a": 1})|context.log(None)
t = threading.Thread(target=print, args=("thread",)); t.start(); t.join()
with contextlib.redirect_stdout(io.StringIO()): print("nowhere")
warnings.warn("careful")|import faulthandler; faulthandler.dump_traceback(file=sys.__stderr__) if 0 else None
print("surrogate", ascii("\\ud800"))|logging.lastResort and print("last")|print(sys.stdout.encoding, sys.stdout.isatty())
"""
_LOGS = """
log.{level}("text")|named.{level}("text")|log.{level}("two\\nlines")|log.{level}("%s %d", "a", 1)
log.{level}("é 日本 😀")|log.{level}({{"a": 1}})|log.{level}("x", extra={{"own": [1, 2], "other": None}})
log.{level}("x", stack_info=False)|log.{level}(Own("as message"))|log.{level}("%(a)s", {{"a": 1}})
"""
_LOGS_ONCE = """
log.log(15, "between")|log.log(1, "lowest")|log.log(60, "highest")|log.log(0, "none")|log.log(-5, "below")
try: 1 / 0
except ZeroDivisionError: log.exception("caught")
try: chain()
except ValueError: log.error("chained", exc_info=True)
try: 1 / 0
except ZeroDivisionError: log.info("with", exc_info=sys.exc_info())
log.error("instance", exc_info=Own("never raised"))|log.error("x", extra={"taskName": "t", "requestId": "mine"})
log.error("x", extra={"aws": D("1.5"), "odd": Odd(), "when": datetime.date(2020, 1, 1), "b": b"x"})
log.warning({"message": "m", "nested": {"d": D("1"), "s": {1}}})|log.warning([1, 2])|log.warning(None)|log.warning(3)
log.warning({"a": 1}, extra={"level": "mine", "timestamp": "mine", "location": "here"})|log.warning("%", ())
log.warning("", extra={"message2": ""})|logging.warning("module level")|logging.getLogger("x.y.z").error("child")
log.setLevel("DEBUG"); log.debug("now shown"); log.setLevel("WARNING")
log.error("stack", stack_info=True)|log.critical("last words")|log.warning("nul \\x00 esc \\x1b")
h = logging.StreamHandler(sys.stdout); log.addHandler(h); log.error("twice"); log.removeHandler(h)
h = log.handlers[0]; h.setFormatter(logging.Formatter("own %(levelname)s %(message)s")); log.error("formatted")
named.propagate = False; named.error("kept"); named.propagate = True
print(type(log.handlers[0]).__name__, len(log.handlers), log.level, log.handlers[0].level)
logging.basicConfig(level="DEBUG"); log.debug("basic")|log.warning("x" * 3000)|log.error("%d", "no number")
"""
_READS = """
return repr(context)|return sorted(vars(context))
return [context.aws_request_id, context.function_name, context.memory_limit_in_mb, context.invoked_function_arn]
return repr(context.identity)|return repr(context.client_context)|return context.get_remaining_time_in_millis() > 0
return context.client_context.custom["a"]|return context.client_context.env|return context.tenant_id
return context.client_context.client.installation_id|return context.identity.cognito_identity_id|return context.w3c()
return os.environ.get("_X_AMZN_TRACE_ID")|return os.environ.get("_LAMBDA_TELEMETRY_LOG_FD")|return type(event).__name__
return sorted(n for n in os.environ if n.startswith(("AWS_", "_", "LAMBDA", "PYTHON")))|return os.getcwd() == os.environ["LAMBDA_TASK_ROOT"]
return sys.argv[1:]|return __name__|return __file__.rpartition("/")[2]|return threading.current_thread().name
return threading.active_count()|return [sys.stdout.errors, sys.stderr.errors, sys.stdout.encoding]
return time.tzname[0]|return sys.getrecursionlimit()|return [sys.stdin.read()]|return context.log_stream_name
return sys.path[0] == os.environ["LAMBDA_TASK_ROOT"]|return [h.__class__.__name__ for h in logging.getLogger().handlers]
return logging.getLogger().level|return context.missing|return len(json.dumps(vars(context), default=str)) > 10
return b"bytes"|return bytes(range(256))|return b""|return bytearray(b"x")|return None|pass|return (yield)|return handler
"""


def _parts(text: str) -> list[str]:
    """Return the snippets of a list: by lines and bars; lines that begin with try go on."""
    found: list[str] = []
    for line in text.strip().splitlines():
        if line.startswith("except "):
            found[-1] += "\n    " + line
        elif line.startswith(("try:", "with ")):
            found.append(line)
        else:
            found += line.split("|")
    return found


def returned() -> list[str]:
    """Return bodies that return a value of some shape."""
    values = [wrap.format(value) for value, wrap in product(_parts(_SCALARS), _WRAPS[:3])]
    values += [wrap.format(value) for value, wrap in product(_parts(_FAILING), _WRAPS[:2])]
    values += [wrap.format(f"{{{key}: 1}}") for key, wrap in product(_parts(_KEYS), _WRAPS[::3])]
    values += [f"nested({n}, {kind})" for n, kind in product((1, 50, 400), ("list", "dict"))]
    values += ["{1: 1, '1': 2}", "[1] * 1000", "{str(n): n for n in range(500)}", "'x' * 100000"]
    return [f"return {value}" for value in values]


def raised() -> list[str]:
    """Return bodies that fail."""
    return _parts(_RAISES)


def printed() -> list[str]:
    """Return bodies that print in some way."""
    return _parts(_PRINTS)


def logged() -> list[str]:
    """Return bodies that use the logging module."""
    levels = ("debug", "info", "warning", "error", "critical")
    made = [each.format(level=level) for each in _parts(_LOGS) for level in levels]
    return made + _parts(_LOGS_ONCE)


def read() -> list[str]:
    """Return bodies that look at what they are given."""
    return _parts(_READS)


def module(bodies: list[str]) -> str:
    """Return a module whose handler runs the body with the event's number."""
    functions = [
        f"def case_{number}(event, context):\n    {body}\n" for number, body in enumerate(bodies)
    ]
    names = ", ".join(f"case_{number}" for number in range(len(bodies)))
    return (
        f"{PREAMBLE}\n{''.join(functions)}\nCASES = [{names}]\n"
        "def handler(event, context):\n"
        "    os.write(1, b'== %d\\n' % event['n'])\n"
        "    return CASES[event['n']](event, context)\n"
    )


#: name: (files, handler, events)
ALONE: dict[str, tuple[dict[str, str], str, list[str]]] = {}


def _alone(name: str, source: str, handler: str = "app.handler", **files: str) -> None:
    found = {"app.py": source}
    found.update({path.replace("__", "/") + ".py": text for path, text in files.items()})
    ALONE[name] = (found, handler, ['{"n": 1}', '{"n": 2}'])


_FINE = "def handler(event, context):\n    print('ran')\n    return event\n"
for _number, _statement in enumerate(
    """
    sys.exit()|sys.exit(0)|sys.exit(1)|sys.exit(3)|sys.exit("message")|sys.exit(None)|os._exit(0)|os._exit(7)
    os.kill(os.getpid(), 9)|os.kill(os.getpid(), 15)|os.abort()|raise KeyboardInterrupt|raise SystemExit(2)
    raise GeneratorExit|raise type("B", (BaseException,), {})("base")|exit()|quit(4)|raise SystemExit
    """.strip()
    .replace("\n", "|")
    .split("|")
):
    _line = _statement.strip()
    _alone(
        f"end-{_number}",
        f"import os, sys\ndef handler(e, c):\n    print('before')\n    {_line}\n    return 1\n",
    )
    _alone(f"init-end-{_number}", f"import os, sys\nprint('before')\n{_line}\n" + _FINE)
for _number, _source in enumerate(
    (
        "raise ValueError('at import')\n" + _FINE,
        "import no_such_module\n" + _FINE,
        "from json import nothing\n" + _FINE,
        "import no.such\n" + _FINE,
        "def handler(:\n",
        "x = 'é\n",
        "if True:\nprint(1)\n",
        "return 1\n",
        "\tx = 1\n  y = 2\n",
        "1 / 0\n" + _FINE,
        "import helper\n" + _FINE,
        "# -*- coding: latin-1 -*-\nname = 'é'\n" + _FINE,
        "# -*- coding: none -*-\n" + _FINE,
        "import logging\nlogging.warning('at import')\nprint('printed')\n" + _FINE,
        "import logging\nlogging.basicConfig(level='INFO', force=True)\nlogging.info('i')\n"
        + _FINE,
        "class E(Exception):\n    def __str__(self): raise RuntimeError('no text')\n"
        "def handler(e, c): raise E()\n",
        "handler = 3\n",
        "handler = None\n",
        "handler = lambda event, context: 'lambda'\n",
        "class handler:\n    def __init__(self, event, context): ...\n",
        "class C:\n    def __call__(self, event, context): return 'called'\nhandler = C()\n",
        "class C:\n    def m(self, event, context): return 'bound'\nhandler = C().m\n",
        "def handler(event): return 1\n",
        "def handler(): return 1\n",
        "def handler(*args, **more): return [len(args), more]\n",
        "async def handler(event, context): return 1\n",
        "def handler(event, context):\n    yield 1\n",
        "import functools\nhandler = functools.partial(lambda a, e, c: a, 1)\n",
        "n = 0\ndef handler(e, c):\n    global n\n    n += 1\n    return n\n",
        "import sys\ndef handler(e, c):\n    sys.stdout = None\n    return 1\n",
        "import sys\ndef handler(e, c):\n    sys.stdout = sys.stderr = None\n    raise ValueError('x')\n",
        "import logging\nlogging.getLogger().handlers.clear()\n"
        "def handler(e, c):\n    logging.warning('bare')\n    c.log('x')\n    raise ValueError('y')\n",
        "import threading, time\ndef handler(e, c):\n"
        "    threading.Thread(target=lambda: 1 / 0, name='T').start()\n"
        "    time.sleep(0.2)\n    return 1\n",
        "import atexit\natexit.register(print, 'never seen')\n" + _FINE,
        "import os\nos.environ['AWS_LAMBDA_LOG_FORMAT'] = 'JSON'\n"
        "def handler(e, c): raise ValueError('text still')\n",
        "import builtins\nbuiltins.print = None\ndef handler(e, c): return 1\n",
        "import json\njson.dumps = json.JSONEncoder = None\ndef handler(e, c): return e\n",
        "import sys\nsys.setrecursionlimit(5000)\ndef handler(e, c): return sys.getrecursionlimit()\n",
        "import sys\nsys.excepthook = lambda *a: print('hooked')\n"
        "def handler(e, c): raise BaseException('x')\n",
        "import os\nos.chdir('/')\ndef handler(e, c): raise ValueError(os.getcwd())\n",
        "import signal, time\ndef handler(e, c):\n"
        "    signal.signal(signal.SIGALRM, lambda *a: print('alarm'))\n"
        "    signal.setitimer(signal.ITIMER_REAL, 0.05); time.sleep(0.2); return 1\n",
        "import asyncio\nasync def work(): return 'done'\ndef handler(e, c):\n"
        "    return asyncio.new_event_loop().run_until_complete(work())\n",
        "import multiprocessing\ndef handler(e, c):\n    a, b = multiprocessing.Pipe()\n"
        "    p = multiprocessing.get_context('fork').Process(target=b.send, args=(e,))\n"
        "    p.start(); v = a.recv(); p.join(); return v\n",
    )
):
    _alone(f"module-{_number}", _source, helper="raise RuntimeError('in the helper')\n")
for _number, _handler in enumerate(
    (
        "app", "", ".", "app.", ".handler", "app.missing", "missing.handler", "app.a.b", "a.b.c.handler",
        "pkg.mod.handler", "pkg/mod.handler", "pkg/mod/handler", "pkg.missing.handler", "sys.exit",
        "json.dumps", "_thread.handler", "app/handler", "app.handler.more", "my-func.handler", "é.handler",
        "os.path.join", "/app.handler", "./app.handler", "pkg.handler", "app..handler", " app.handler",
    )
):  # fmt: skip
    _alone(
        f"handler-{_number}",
        _FINE,
        _handler,
        pkg____init__="def handler(e, c): return 'package'\n",
        pkg__mod=_FINE,
        **{"my-func": _FINE},
    )
for _number, _event in enumerate(
    ("null", "0", '""', '"é"', "[]", "{}", "1e400", "-0.0", "NaN", "1" * 400, '{"a": {"b": [1, null]}}',
     '"\\ud83d\\ude00"', '"\\u0000"', "[" * 50 + "]" * 50, "", "nul", "\ufeff1", "Infinity", "'x'")
):  # fmt: skip
    ALONE[f"event-{_number}"] = (
        {"app.py": "def handler(event, context):\n    return [event, type(event).__name__]\n"},
        "app.handler",
        [_event],
    )
