"""Make the interpreter look as it does on Lambda: search path, streams, built-ins."""

from __future__ import annotations

import gc
import importlib
import io
import os
import resource
import site
import sys
import time

# What a type checker needs, and no start of a runtime pays for.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Modules of this runtime and its zygote that no user code finds.
kept: dict[str, Any] = {}
#: What this runtime and its zygote have loaded, and AWS's has not. A test holds it against AWS's.
_NOT_LOADED = """
    warden kernel zygote ctypes _ctypes ctypes._endian _socket _struct array errno fcntl
    grp pwd resource select selectors signal socket struct
    """.split()
#: Since Python 3.12 AWS's runtimes have the locale C.UTF-8.
_C_LOCALE_SINCE = 12
#: Before Python 3.11 AWS's runtimes have the packages they bring in their own folder.
_PACKAGES_APART_SINCE = 11


def as_forked(limits: dict[str, int]) -> None:
    """Undo in a fork what the zygote needed, and apply what is read at start-up only.

    ``limits``: resource limits by name.
    """
    for name, value in limits.items():
        kind = getattr(resource, name)
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))
    gc.enable()
    time.tzset()
    sys.argv[:] = [
        os.path.join(os.environ.get("LAMBDA_RUNTIME_DIR", "/var/runtime"), "bootstrap.py")
    ]
    # The zygote runs without ``site``, which users may expect to have run.
    site.setquit()
    site.setcopyright()
    site.sethelper()


class Unbuffered:
    """A stream whose every write leaves at once, as AWS's client makes of the standard ones."""

    def __init__(self, stream: io.TextIOWrapper) -> None:
        self.stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def __enter__(self) -> Unbuffered:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        pass

    def write(self, text: str) -> None:
        self.stream.write(text)
        self.stream.flush()

    def writelines(self, lines: Any) -> None:
        self.stream.writelines(lines)
        self.stream.flush()


def streams() -> None:
    """Let every write reach the log at once, as on Lambda: a killed process loses nothing."""
    sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)), "utf-8")
    # What Python makes of AWS's locales.
    strict = "surrogateescape" if sys.version_info[1] >= _C_LOCALE_SINCE else "strict"
    for name, fd, errors in (("stdout", 1, strict), ("stderr", 2, "backslashreplace")):
        raw = io.FileIO(fd, "w", closefd=False)
        raw.name = f"<{name}>"
        stream = io.TextIOWrapper(io.BufferedWriter(raw), "utf-8", errors, line_buffering=fd == 2)
        setattr(stream, "mode", "w")  # noqa: B010 (read-only to a type checker)
        setattr(sys, name, Unbuffered(stream))
        setattr(sys, f"__{name}__", stream)


def streams_by_line() -> None:
    """Let every line reach the log in one piece: others write to the same log."""
    for name, fd, errors in (("stdout", 1, "strict"), ("stderr", 2, "backslashreplace")):
        raw = io.FileIO(fd, "w", closefd=False)
        stream = io.TextIOWrapper(raw, "utf-8", errors, line_buffering=True)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def search_path(opt: list[str], packages: str = "") -> None:
    """Put on the search path what AWS's runtime puts there, and read the ``.pth`` files.

    In order: the function's folder, the layers', the packages that the runtime brings, the
    runtime's own folder, Python's. Who sets PYTHONPATH gets its folders instead of the layers', and
    the runtime's packages last. Source: what AWS's /var/runtime/bootstrap.py does.

    ``opt`` has the folders that are /opt, uppermost first: one, where layers are merged.
    ``packages`` is the folder of the packages that the runtime brings.
    """
    version = f"python3.{sys.version_info[1]}"
    task = os.environ.get("LAMBDA_TASK_ROOT", "/var/task")
    packages = packages or f"/var/lang/lib/{version}/site-packages"
    runtime = os.environ.get("LAMBDA_RUNTIME_DIR", "/var/runtime")
    given = os.environ.get("PYTHONPATH")
    layers = []
    if given is None:
        for folder in opt:
            layers += [folder + "/python/lib/" + version + "/site-packages", folder + "/python"]
    path = [task, *layers]
    if given is None and sys.version_info[1] >= _PACKAGES_APART_SINCE:
        path.append(packages)
    path.append(runtime)
    path += [entry for entry in (given or "").split(":") if entry]
    own = (os.path.normpath(sys.prefix), os.path.normpath(sys.base_prefix))
    path += [
        entry
        for entry in sys.path
        if entry.startswith(own) and not entry.endswith(("site-packages", "dist-packages"))
    ]
    path.append(packages)
    sys.path[:] = list(dict.fromkeys(path))
    for folder in (task, *layers):
        site.addsitedir(folder)
    if given is None:
        os.environ["PYTHONPATH"] = runtime


def own(name: str) -> Any:
    """Return a module of Python's that :func:`own_names` has put out of sight."""
    return kept.get(name) or importlib.import_module(name)


def own_names(main: str) -> None:
    """Leave no name of this runtime's in a user's way.

    It is ``__main__`` and nothing else, as AWS's is, and what it has loaded beyond AWS's runtime
    is not loaded: a user's own module may have that name. ``main`` is the main module's name.
    """
    if main != "__main__":
        module = sys.modules["__main__"] = sys.modules.pop(main)
        module.__name__, module.__spec__ = "__main__", None
    names = _NOT_LOADED
    if sys.version_info[1] < _PACKAGES_APART_SINCE:
        names = [*names, "contextlib"]
    # Out of sight but alive: to free them would copy the pages shared with the zygote.
    for name in names:
        if name in sys.modules:
            kept[name] = sys.modules.pop(name)
