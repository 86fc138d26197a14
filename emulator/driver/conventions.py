"""AWS's conventions for the inside of an environment, shared by the drivers."""

from __future__ import annotations

from pathlib import Path

#: The user a function runs as on Lambda, by name.
USER_NAME = "sbx_user1051"
#: AWS's own LD_LIBRARY_PATH: read once, when a process starts.
LD_LIBRARY_PATH = (
    "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib"
)
#: A script of the user's own that starts the runtime.
WRAPPER = "AWS_LAMBDA_EXEC_WRAPPER"
INVALID_ENTRYPOINT = "Runtime.InvalidEntrypoint"
#: AWS's text where a custom runtime has nothing to start.
NO_BOOTSTRAP = "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"


def runtimes_folder() -> Path:
    """Return the folder of bootstraps: beside the package, or inside it once installed."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "_runtimes"
    return installed if installed.is_dir() else package.parent / "runtimes"
