"""AWS SDKs that a function brings and that do not know AWS_ENDPOINT_URL: they call the real AWS.

Found by what packages say of themselves on the disk; nothing is imported. Since when each SDK knows
the variable: https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path

from emulator.code.inside import is_own
from emulator.code.preparing import Prepare
from emulator.model.console import Console
from emulator.model.errors import DriverFault
from emulator.model.function import FunctionVersion
from emulator.model.sandbox import Prepared

#: What knows it, by the package whose version decides.
_BOTOCORE = (1, 31)
_MIDDLEWARE = (2, 1)
#: Versions of functions remembered as looked at.
_REMEMBERED = 4096
_VERSION = re.compile(r"(\d+)\.(\d+)")


class SdkCheck:
    """Looks once at each version that starts, and says which of its SDKs would call the real AWS.

    Args:
        prepare: Returns what a version needs; its layer is looked at as well.
        console: Told, once for each version.
        strict: Refuse to start such a version.
    """

    def __init__(self, prepare: Prepare, *, console: Console, strict: bool) -> None:
        self._prepare = prepare
        self._console = console
        self._strict = strict
        self._found: dict[str, str] = {}

    async def prepare(self, version: FunctionVersion) -> Prepared:
        """Return what a version needs, once it has been looked at.

        Raises:
            DriverFault: Its packages can't be had, or (strict) one is too old.
        """
        prepared = await self._prepare(version)
        if version.key not in self._found:
            found = await asyncio.to_thread(_old, version, prepared.layer)
            if len(self._found) >= _REMEMBERED:
                self._found.clear()
            self._found[version.key] = text = _told(version, found) if found else ""
            if text and not self._strict:
                self._console.warn(text)
        if self._strict and self._found[version.key]:
            raise DriverFault(self._found[version.key])
        return prepared


def _told(version: FunctionVersion, packages: list[str]) -> str:
    return (
        f"{version.name} brings {' and '.join(packages)}, which does not know AWS_ENDPOINT_URL: "
        "its calls would go to the real AWS. Bring a newer one, or give its clients the endpoint."
    )


def _old(version: FunctionVersion, packages: Path | None) -> list[str]:
    """Return the packages of a version that are too old, for people."""
    layers = [layer.code.folder for layer in version.layers] + [packages]
    folders = [folder for folder in layers if folder is not None]
    code = version.code.folder
    try:
        if version.runtime.startswith("python"):
            found = {
                each
                for base in (code, *folders)
                if base is not None
                for each in _old_python(base, version.runtime)
            }
        elif version.runtime.startswith("nodejs"):
            found = {
                each
                for base in (code, *(folder / "nodejs" for folder in folders))
                if base is not None
                for each in _old_javascript(base)
            }
        else:
            found = set()
    except OSError:
        return []  # its start says what can't be read
    return sorted(found)


def _old_python(base: Path, runtime: str) -> Iterator[str]:
    for folder in (base, base / "python", base / f"python/lib/{runtime}/site-packages"):
        if not is_own(folder, base):
            continue  # what it links to is of the sandbox, not of this machine
        for metadata in folder.glob("botocore-*.dist-info"):
            name = metadata.name.removesuffix(".dist-info").partition("-")[2]
            if _version(name) < _BOTOCORE:
                yield f"botocore {name}"
        module = folder / "botocore/__init__.py"
        if _is_file(module, base) and not any(folder.glob("botocore-*.dist-info")):
            text = module.read_text(errors="replace")
            match = re.search(r"__version__ = ['\"]([\d.]+)", text)
            if match is not None and _version(match[1]) < _BOTOCORE:
                yield f"botocore {match[1]}"


def _old_javascript(base: Path) -> Iterator[str]:
    for folder in (base / "node_modules", *base.glob("node*/node_modules")):
        if not is_own(folder, base):
            continue
        if _is_file(folder / "aws-sdk/package.json", base):
            yield f"aws-sdk {_package_version(folder / 'aws-sdk', base)}"
        clients = sorted((folder / "@aws-sdk").glob("client-*"))
        if not clients:
            continue
        middleware = folder / "@smithy/middleware-endpoint"
        known = _version(_package_version(middleware, base)) if middleware.is_dir() else (0, 0)
        # With none of either it is not known how they find their endpoints.
        earlier = (folder / "@aws-sdk/middleware-endpoint").is_dir()
        if (middleware.is_dir() or earlier) and known < _MIDDLEWARE:
            yield f"@aws-sdk/{clients[0].name} {_package_version(clients[0], base)}"


def _is_file(path: Path, base: Path) -> bool:
    """Say whether a file is there, and no link leads to it from outside its archive."""
    return is_own(path, base) and path.is_file()


def _package_version(package: Path, base: Path) -> str:
    file = package / "package.json"
    try:
        return str(json.loads(file.read_text())["version"]) if _is_file(file, base) else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _version(text: str) -> tuple[int, int]:
    match = _VERSION.match(text)
    return (int(match[1]), int(match[2])) if match else (0, 0)
