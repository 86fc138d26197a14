"""What AWS fixes about the inside of an environment, for every driver that has one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
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
#: The AWS SDK a Python function may import; nothing else of the emulator's own packages.
SDK = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")

_START_UP_ONLY = re.compile(
    r"PYTHON(?!PATH$)|LD_(?!LIBRARY_PATH$)|MALLOC_|GLIBC_|NODE_OPTIONS$|NODE_EXTRA_|UV_"
)


#: Where AWS's older Node.js runtimes have the certificates that they add to Node's own.
NODE_CERTIFICATES = "/var/runtime/ca-cert.pem"


def needs_fresh_process(variables: Mapping[str, str]) -> bool:
    """Say whether one of ``variables`` is read when a process starts: a stem cell has started."""
    return any(
        name == WRAPPER or (_START_UP_ONLY.match(name) and value != NODE_CERTIFICATES)
        for name, value in variables.items()
    )


def runtimes_folder() -> Path:
    """Return the folder of bootstraps: beside the package, or inside it once installed."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "_runtimes"
    return installed if installed.is_dir() else package.parent / "runtimes"


def node_packages() -> Path:
    """Return the folder of packages that all Node.js functions find after their own.

    AWS's Node.js runtimes bring the AWS SDK there, some 80 MB; here its user installs what is
    needed: ``npm install --prefix ~/.localfaas/nodejs @aws-sdk/client-s3``.
    """
    return Path.home() / ".localfaas" / "nodejs" / "node_modules"


def package_paths(names: Iterable[str]) -> list[tuple[Path, str]]:
    """Return where each installed package or module lies, with its name in a folder."""
    found = []
    for name in names:
        try:
            spec = find_spec(name)
        except ImportError:
            continue
        if spec is None or spec.origin is None:
            continue
        origin = Path(spec.origin)
        place = origin.parent if spec.submodule_search_locations else origin
        found.append((place, place.name))
    return found
