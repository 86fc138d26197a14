"""What AWS fixes about the inside of an environment, for every driver that has one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib import metadata
from importlib.metadata import PackageNotFoundError
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
#: The AWS SDK a Python function may import, by distribution and module; nothing else of the
#: emulator's own packages.
SDK = {
    "boto3": ("boto3",),
    "botocore": ("botocore",),
    "s3transfer": ("s3transfer",),
    "jmespath": ("jmespath",),
    "python-dateutil": ("dateutil",),
    "urllib3": ("urllib3",),
    "six": ("six",),
}

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


def package_paths(packages: Mapping[str, Iterable[str]]) -> list[tuple[Path, str]]:
    """Return where each installed package lies, with its name in a folder: modules, metadata.

    Args:
        packages: Distributions with their modules.
    """
    found = []
    for distribution, modules in packages.items():
        for name in modules:
            place = _place(name)
            if place is not None:
                found.append((place, place.name))
        with suppress(PackageNotFoundError):
            base = Path(str(metadata.distribution(distribution).locate_file("")))
            pattern = f"{distribution.replace('-', '_')}-*.dist-info"
            found += [(path, path.name) for path in base.glob(pattern)]
    return found


def _place(module: str) -> Path | None:
    try:
        spec = find_spec(module)
    except ImportError:
        return None
    if spec is None or spec.origin is None:
        return None
    origin = Path(spec.origin)
    return origin.parent if spec.submodule_search_locations else origin
