"""A port for a debugger: debugpy in the function's process. Loaded only where one is wanted."""

from __future__ import annotations

import os
import sys
import time

_MISSING = "Debugger: debugpy is not there; pip install 'localfaas[debug]' and start again"
#: How long the environment before this one may take to leave the port, seconds.
_PATIENCE_S = 5.0
_PAUSE_S = 0.1
#: Where containers have the packages it needs.
_IN_CONTAINERS = "/var/localfaas_debugger"
#: What debugpy reads while it starts.
_ITS_ENVIRONMENT = {
    # It would warn of Python's own modules that it can't step through.
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    # What the bootstrap catches has left the user's code: "User Uncaught Exceptions".
    "IDE_PROJECT_ROOTS": os.pathsep.join((os.environ.get("LAMBDA_TASK_ROOT", "/var/task"), "/opt")),
}


def listen(order: str) -> None:
    """Listen for a debugger; the function goes on without one if that can't be.

    ``order``: the port and, after commas, "wait" to return only once a debugger is there, and how
    it is with the port where this is a container: "published" or "taken".
    """
    port, *words = order.split(",")
    wait, published = "wait" in words, "published" in words
    if "taken" in words or not (published or _leaves(int(port))):
        _say(f"Debugger: port {port} is in use, so this environment runs without")
        return
    packages = os.environ.get("LAMBDA_RUNTIME_DIR", "/var/runtime") + "/localfaas_debugger"
    if published:
        packages = _IN_CONTAINERS
    sys.path.insert(0, packages)
    own = {name: value for name, value in _ITS_ENVIRONMENT.items() if name not in os.environ}
    os.environ.update(own)
    try:
        import debugpy
        from debugpy import adapter

        # Ours, around debugpy's own.
        adapter.__file__ = os.path.join(os.path.dirname(__file__), "debug_adapter", "__init__.py")
        debugpy.configure(subProcess=False, pythonEnv={**os.environ, "PYTHONPATH": packages})
        debugpy.listen(("0.0.0.0" if published else "127.0.0.1", int(port)))
    except ImportError:
        _say(_MISSING)
        return
    except Exception as error:  # noqa: BLE001 (said, whatever it is)
        _say(f"Debugger: it can't listen on port {port}: {error}")
        return
    finally:
        sys.path.remove(packages)
        for name in own:
            del os.environ[name]
    _say(f"Debugger: debugpy listens on 127.0.0.1:{port}")
    if wait:
        name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "")
        _say(f"Debugger: {name} waits for one; localfaas debug {name} --off starts it without")
        debugpy.wait_for_client()


def _leaves(port: int) -> bool:
    import socket

    end = time.monotonic() + _PATIENCE_S
    while True:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return True
            except OSError:
                if time.monotonic() > end:
                    return False
        time.sleep(_PAUSE_S)


def _say(text: str) -> None:
    print(text, file=sys.stderr)
