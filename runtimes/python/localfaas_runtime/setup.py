"""Make the interpreter look as it does on Lambda: search path, streams, built-ins."""

from __future__ import annotations

import gc
import io
import os
import resource
import site
import sys
import time


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
    sys.argv[:] = [os.path.join(_runtime_folder(), "bootstrap.py")]
    # The zygote runs without ``site``, which users may expect to have run.
    site.setquit()
    site.setcopyright()
    site.sethelper()


def streams(by_line: bool = False) -> None:
    """Let every write reach the log at once, as on Lambda: a killed process loses nothing.

    ``by_line``: every line, in one piece. Others write to the same log.
    """
    sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False), "utf-8")
    for name, fd, errors in (("stdout", 1, "strict"), ("stderr", 2, "backslashreplace")):
        stream = io.TextIOWrapper(
            io.FileIO(fd, "w", closefd=False),
            "utf-8",
            errors,
            line_buffering=by_line,
            write_through=not by_line,
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def search_path(opt: list[str]) -> None:
    """Put the user's packages first, then layers', then the AWS SDK, then Python's own.

    ``opt`` has the folders that are /opt, uppermost first: one, where layers are merged.
    """
    version = f"python3.{sys.version_info[1]}"
    path = [os.environ.get("LAMBDA_TASK_ROOT", "/var/task")]
    for folder in opt:
        path += [folder + "/python/lib/" + version + "/site-packages", folder + "/python"]
    path += [entry for entry in os.environ.get("PYTHONPATH", "").split(":") if entry]
    path.append(_runtime_folder())
    own = (os.path.normpath(sys.prefix), os.path.normpath(sys.base_prefix))
    path += [
        entry
        for entry in sys.path
        if entry.startswith(own) and not entry.endswith(("site-packages", "dist-packages"))
    ]
    sys.path[:] = list(dict.fromkeys(path))


def _runtime_folder() -> str:
    return os.environ.get("LAMBDA_RUNTIME_DIR", "/var/runtime")
