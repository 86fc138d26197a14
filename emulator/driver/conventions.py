"""AWS's conventions for the inside of an environment, shared by the drivers."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

#: The user a function runs as on Lambda, by name.
USER_NAME = "sbx_user1051"
#: AWS's own LD_LIBRARY_PATH: read once, when a process starts.
LD_LIBRARY_PATH = (
    "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib"
)
#: A function's memory in MB.
MEMORY_SIZE = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"
#: A script of the user's own that starts the runtime.
WRAPPER = "AWS_LAMBDA_EXEC_WRAPPER"
INVALID_ENTRYPOINT = "Runtime.InvalidEntrypoint"
#: What an environment calls itself, where its extensions listen for telemetry.
SANDBOX_HOSTS = ("sandbox.localdomain", "sandbox")
#: Where extensions lie, in /opt.
EXTENSIONS = "extensions"
#: What extensions don't see of the function's variables.
#: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
_NOT_FOR_EXTENSIONS = frozenset(
    {
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_XRAY_CONTEXT_MISSING",
        "AWS_XRAY_DAEMON_ADDRESS",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
        "_AWS_XRAY_DAEMON_ADDRESS",
        "_AWS_XRAY_DAEMON_PORT",
        "_HANDLER",
        "_LAMBDA_TELEMETRY_LOG_FD",
    }
)
#: AWS's text where a custom runtime has nothing to start.
NO_BOOTSTRAP = "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"


def extension_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what extensions see of a function's environment variables."""
    return {name: value for name, value in environ.items() if name not in _NOT_FOR_EXTENSIONS}


def find_extensions(layers: Sequence[Path]) -> dict[str, Path]:
    """Return the extensions in the folders that are /opt, by name.

    Args:
        layers: Uppermost first.
    """
    found: dict[str, Path] = {}
    for layer in layers:
        try:
            entries = sorted(os.scandir(layer / EXTENSIONS), key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            if not entry.is_dir():
                found.setdefault(entry.name, layer)
    return found


def runtimes_folder() -> Path:
    """Return the folder of bootstraps: beside the package, or inside it once installed."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "_runtimes"
    return installed if installed.is_dir() else package.parent / "runtimes"
