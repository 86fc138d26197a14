"""AWS's .NET runtime client, as NuGet keeps it on this machine.

It is a library: a program of ours, ``runtimes/dotnet``, starts it. Nothing is fetched here: NuGet's
own client does that, and checks who signed it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from emulator.driver.conventions import runtimes_folder
from emulator.driver.languages.base import newest_first
from emulator.model.errors import DriverFault

#: The program that starts the client. It has the handler and the folders to look in as arguments.
BOOTSTRAP = "bootstrap.dll"
_CLIENT = "Amazon.Lambda.RuntimeSupport"
#: What the client needs, unless the function brings it.
_NEEDED = ("Amazon.Lambda.Core", "SnapshotRestore.Registry")
_TARGET = re.compile(r"net(\d+)\.0$")


def folders(release: int) -> tuple[Path, ...]:
    """Return the folders with the program that starts the client, the client and what it needs.

    Args:
        release: Of .NET.

    Raises:
        DriverFault: The client is not here.
    """
    client = _newest(_CLIENT, release)
    if client is None:
        raise DriverFault(
            f"AWS's runtime client for .NET is not on this machine: no {_CLIENT} for .NET"
            f" {release} in {_packages()}. Class libraries need it: get it with `dotnet add"
            f" package {_CLIENT}` in a project of yours, make the function an executable"
            " assembly, or use --driver docker."
        )
    needed = (_newest(name, release) for name in _NEEDED)
    return (runtimes_folder() / "dotnet", client, *(path for path in needed if path))


def _packages() -> Path:
    return Path(os.environ.get("NUGET_PACKAGES") or Path.home() / ".nuget/packages")


def _newest(name: str, release: int) -> Path | None:
    """Return the folder of a package's newest version that a release can load."""
    for version in newest_first(_packages() / name.lower(), "*"):
        targets = {
            int(match[1]): path
            for path in newest_first(version, "lib/*")
            if (match := _TARGET.match(path.name)) and (path / f"{name}.dll").is_file()
        }
        fitting = [target for target in targets if target <= release]
        if fitting:
            return targets[max(fitting)]
    return None
