"""The handler that ``localfaas check`` runs a function behind: it looks at what each call leaves.

Named as the function's handler; the function's own is in the variable LOCALFAAS_PROBED. It answers
with the function's answer, the state of the process before and after, and the calls of AWS's APIs
that were made. An event ``{"localfaas_probe": "poison"}`` spoils what earlier calls have left.

Standard library only, Python 3.8 or newer, whichever client runs it.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import sys
import threading
import types

# What a type checker needs, and no start of a runtime pays for.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_OWN = os.environ.pop("LOCALFAAS_PROBED")
#: What changes by itself.
_VOLATILE = ("_X_AMZN_TRACE_ID", "PYTHONPATH")
#: Entries of a state, characters of a value, items and depth of a container that are looked at.
_MOST, _LONGEST, _ITEMS, _DEEPEST = 3000, 120, 50, 4
_POISON = "localfaas poison"
_PLAIN = (str, bytes, int, float, complex, bool, type(None))
#: By the function's folder, what packages have brought.
_brought: dict[str, set[str]] = {}
_calls: list[list[str]] = []
#: State before the first call: what has changed since may be spoiled.
_first: dict[str, str] = {}


def _load() -> Any:
    module, _, name = _OWN.rpartition(".")
    return getattr(importlib.import_module(module.replace("/", ".")), name)


_handler = _load()


def handler(event: Any, context: Any) -> Any:
    """Run the function's own handler, and tell what it left."""
    if isinstance(event, dict) and event.get("localfaas_probe") == "poison":
        return {"poisoned": _poison()}
    _watch_calls()
    before = _state()
    if not _first:
        _first.update(before)
    _calls.clear()
    told: dict[str, Any] = {}
    try:
        told["answer"] = _handler(event, context)
    except Exception as error:  # noqa: BLE001 (it is the function's answer)
        told["error"] = [type(error).__name__, str(error)]
    return {**told, "before": before, "after": _state(), "calls": list(_calls)}


# --- state ----------------------------------------------------------------------------------------


def _state() -> dict[str, str]:
    found: dict[str, str] = {}
    for name, module in list(sys.modules.items()):
        if _is_users(module):
            for key, value in list(vars(module).items()):
                if len(found) < _MOST and not key.startswith("__"):
                    _describe_name(found, f"{name}.{key}", value)
    for name, text in os.environ.items():
        if name not in _VOLATILE:
            found[f"environment variable {name}"] = _short(text)
    found.update(_files("/tmp" if os.path.isdir("/var/task") else os.environ.get("TMPDIR", "/tmp")))
    found.update(_descriptors())
    for thread in threading.enumerate():
        if thread is not threading.main_thread():
            found[f"thread {thread.name}"] = "runs"
    found["the current folder"] = os.getcwd()
    logging = sys.modules.get("logging")
    if logging is not None:
        found["the handlers of the root logger"] = str(len(logging.getLogger().handlers))
    return found


def _is_users(module: Any) -> bool:
    """Say whether a module is the function's own, and no package it brings."""
    file = getattr(module, "__file__", None)
    task = os.environ.get("LAMBDA_TASK_ROOT", "/var/task")
    if not isinstance(file, str) or not file.startswith(task + "/"):
        return False
    return file[len(task) + 1 :].split("/")[0] not in _packages(task)


def _packages(task: str) -> set[str]:
    """Return the names that packages in the function's folder have brought there."""
    if task not in _brought:
        names = _brought[task] = set()
        for entry in os.listdir(task):
            if entry.endswith(".dist-info"):
                try:
                    with open(os.path.join(task, entry, "RECORD")) as file:
                        names.update(line.split("/")[0].split(",")[0] for line in file)
                except OSError:
                    names.add(entry.split("-")[0])
    return _brought[task]


def _describe_name(found: dict[str, str], path: str, value: Any) -> None:
    if isinstance(value, types.ModuleType):
        return
    if isinstance(value, (types.FunctionType, types.MethodType)):
        named = getattr(value, "__kwdefaults__", None) or {}
        for default in (*(value.__defaults__ or ()), *named.values()):
            if isinstance(default, (list, dict, set)):
                found[f"a default of {path}()"] = _describe(default)
        return
    information = getattr(value, "cache_info", None)
    if callable(information) and not isinstance(value, type):
        found[f"the cache of {path}()"] = f"{information().currsize} entries"
        return
    if isinstance(value, type):
        if value.__module__ == path.rpartition(".")[0]:
            for name, each in list(vars(value).items()):
                if not name.startswith("__") and not callable(each):
                    found[f"{path}.{name}"] = _describe(each)
        return
    found[path] = _describe(value)


def _describe(value: Any, depth: int = 0) -> str:
    """Return a text that is the same as long as a value is."""
    if isinstance(value, _PLAIN):
        return _short(repr(value))
    if depth >= _DEEPEST:
        return type(value).__name__
    if isinstance(value, dict):
        items = [
            f"{_describe(key, depth + 1)}: {_describe(each, depth + 1)}"
            for key, each in list(value.items())[:_ITEMS]
        ]
        return _contained(value, "{", items, "}")
    if isinstance(value, (list, tuple)):
        return _contained(value, "[", [_describe(e, depth + 1) for e in value[:_ITEMS]], "]")
    if isinstance(value, (set, frozenset)):
        return _contained(value, "{", sorted(_describe(e, depth + 1) for e in value), "}")
    fields = getattr(value, "__dict__", None)
    own = type(value).__module__ in sys.modules and _is_users(sys.modules[type(value).__module__])
    if own and isinstance(fields, dict):
        return f"{type(value).__name__} {_describe(dict(fields), depth + 1)}"
    return type(value).__name__


def _contained(value: Any, begin: str, items: list[str], end: str) -> str:
    text = f"{begin}{', '.join(items)}{end}"
    if len(text) <= _LONGEST:
        return text
    return f"{type(value).__name__} of {len(value)} {_mark(text)}"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:40]}… {_mark(text)}"


def _mark(text: str) -> str:
    return "#" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def _files(folder: str) -> dict[str, str]:
    found = {}
    for root, _, names in os.walk(folder):
        for name in names[:500]:
            path = os.path.join(root, name)
            try:
                with open(path, "rb") as file:
                    content = file.read(1 << 20)
                found[f"file {path}"] = f"{os.path.getsize(path)} bytes {_mark(repr(content))}"
            except OSError:
                continue
    return found


def _descriptors() -> dict[str, str]:
    try:
        names = os.listdir("/proc/self/fd")
    except OSError:
        return {}
    found = {}
    for name in names:
        try:
            link = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            continue
        if int(name) > 3 and not link.startswith("/proc/"):
            found[f"open descriptor {name}"] = link.partition(":[")[0]
    return found


# --- poison ---------------------------------------------------------------------------------------


def _poison() -> list[str]:
    """Spoil what calls have changed since the first one; returns what that is."""
    spoiled = []
    for key, text in _state().items():
        if _first.get(key) == text:
            continue
        kind, _, rest = key.partition(" ")
        if kind == "file":
            with open(rest, "w") as file:
                file.write(_POISON)
        elif key.startswith("environment variable "):
            os.environ[key[21:]] = _POISON
        elif " " in key or not _poison_name(key):
            continue
        spoiled.append(key)
    return spoiled


def _poison_name(path: str) -> bool:
    """Spoil what a module's name means; False: it is no plain value, so it is left alone."""
    module, _, name = path.rpartition(".")
    holder = sys.modules.get(module)
    if holder is None:
        return False
    value = getattr(holder, name, None)
    if isinstance(value, list):
        value.append(_POISON)
    elif isinstance(value, dict):
        value[_POISON] = _POISON
    elif isinstance(value, set):
        value.add(_POISON)
    elif isinstance(value, bool) or value is None:
        return False
    elif isinstance(value, (int, float)):
        setattr(holder, name, value + 1_000_003)
    elif isinstance(value, str):
        setattr(holder, name, _POISON)
    else:
        return False
    return True


# --- calls of AWS's APIs --------------------------------------------------------------------------


def _watch_calls() -> None:
    """Note each call that botocore makes, once it is there."""
    client = getattr(sys.modules.get("botocore.client"), "BaseClient", None)
    if client is None or hasattr(client, "_localfaas_probe"):
        return
    make: Any = client._make_api_call

    def noted(self: Any, operation: str, params: Any) -> Any:
        try:
            service = self.meta.service_model.service_name
        except AttributeError:
            service = "?"
        _calls.append([service, operation, _describe(params)])
        return make(self, operation, params)

    client._make_api_call = noted
    client._localfaas_probe = True
