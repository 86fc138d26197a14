"""TypeScript functions: bundled by esbuild before they start, once for each state of their folder.

As ``sam build`` does with ``BuildMethod: esbuild``: what the handler's file imports becomes one
file of JavaScript. https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/
serverless-sam-cli-using-build-typescript.html
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import shutil
from pathlib import Path

from emulator.code import build_cache, programs
from emulator.code.wanted import read
from emulator.model.console import Console
from emulator.model.errors import DriverFault
from emulator.model.function import FunctionVersion

_SOURCES = (".ts", ".mts", ".tsx", ".cts")
_BUILT = (".js", ".mjs", ".cjs")
_PACKAGE = "esbuild@^0.25"
_PATIENCE_S = 120.0
#: States of one folder that are kept: environments of the one before may still run.
_KEPT = 3
#: A file that tells our bootstrap to show places of the sources in stack traces.
SOURCE_MAPS = ".source-maps"
#: What CommonJS packages need in a bundle of ES modules.
_REQUIRE = (
    "import{createRequire as __localfaasRequire}from'node:module';"
    "const require=__localfaasRequire(import.meta.url);"
)


class TypeScript:
    """Builds functions whose handlers are TypeScript.

    Args:
        console: Told what is built, and that esbuild is fetched.
        cache: The folder to keep it in; None for the user's own cache.
    """

    def __init__(self, *, console: Console, cache: Path | None = None) -> None:
        self._console = console
        self._cache = Path(os.path.realpath(cache or build_cache.folder()))
        self._fetching = asyncio.Lock()

    async def build(self, version: FunctionVersion, packages: Path | None) -> Path | None:
        """Return the folder with a version's JavaScript; None if it needs no building. Builds once.

        Args:
            version: The function.
            packages: The layer with its packages.

        Raises:
            DriverFault: There is no esbuild, or it refuses the sources, whose error is told.
        """
        source = _source(version)
        if source is None or version.code.folder is None:
            return None
        folder = version.code.folder
        what = f"{folder}\0{version.handler}\0{version.runtime}".encode()
        builds = self._cache / f"typescript-{hashlib.sha256(what).hexdigest()[:16]}"
        state = f"{version.code.sha256}\0{packages}".encode()
        target = builds / hashlib.sha256(state).hexdigest()[:16]
        if build_cache.has(target):
            return target
        program = await self._esbuild(folder)
        async with build_cache.scratch(builds) as scratch:
            is_module = source.suffix == ".mts" or _is_module(folder)
            command = [str(program), *_arguments(version, source, scratch, is_module=is_module)]
            failure = await _run(command, folder, packages)
            if failure is not None:
                raise DriverFault(f"esbuild can't build {version.name}: {failure}")
            await asyncio.to_thread(place_sources, scratch, folder)
            await build_cache.keep(scratch, target)
        await asyncio.to_thread(_forget, builds, target)
        return target

    async def _esbuild(self, folder: Path) -> Path:
        """Return esbuild: the project's own, the machine's, or one that is fetched once."""
        for place in (folder, *folder.parents):
            own = place / "node_modules/.bin/esbuild"
            if own.exists():
                return own
        if found := shutil.which("esbuild"):
            return Path(found)
        async with self._fetching:
            target = self._cache / "esbuild-0.25"
            program = target / "node_modules/.bin/esbuild"
            if build_cache.has(program):
                return program
            self._console.info("fetching esbuild, which builds TypeScript functions, once")
            async with build_cache.scratch(self._cache) as scratch:
                arguments = ["install", "--no-audit", "--no-fund", "--loglevel=error"]
                from emulator.code import npm  # only where esbuild has to be got

                failure = await npm.run([*arguments, "--prefix", str(scratch), _PACKAGE], scratch)
                if failure is not None:
                    raise DriverFault(
                        "TypeScript functions are built by esbuild, which can't be had from npm:"
                        f" {failure}. Install esbuild beside the function, or build it to"
                        " JavaScript yourself."
                    )
                await build_cache.keep(scratch, target)
            return program


def _source(version: FunctionVersion) -> Path | None:
    """Return the source of a handler that is TypeScript, and not there as JavaScript."""
    folder = version.code.folder
    if not version.code.live or folder is None or not version.runtime.startswith("nodejs"):
        return None
    head, slash, tail = version.handler.rpartition("/")
    base = f"{head}{slash}{tail.partition('.')[0]}"
    if not tail or any((folder / f"{base}{suffix}").exists() for suffix in _BUILT):
        return None
    files = (folder / f"{base}{suffix}" for suffix in _SOURCES)
    return next((file for file in files if file.is_file()), None)


def _is_module(folder: Path) -> bool:
    try:
        package = json.loads(read(folder / "package.json") or b"{}")
    except ValueError:
        return False
    return isinstance(package, dict) and package.get("type") == "module"


def _arguments(version: FunctionVersion, source: Path, into: Path, *, is_module: bool) -> list[str]:
    folder = version.code.folder
    assert folder is not None
    release = version.runtime.removeprefix("nodejs").partition(".")[0]
    shape = ["--format=cjs"]
    if is_module:
        shape = ["--format=esm", "--out-extension:.js=.mjs", f"--banner:js={_REQUIRE}"]
    return [
        str(source),
        *("--bundle", "--platform=node", f"--target=node{release}", *shape),
        *(f"--outbase={folder}", f"--outdir={into}"),
        *("--sourcemap=external", "--log-level=error", "--color=false"),
        # AWS's runtimes bring them.
        *("--external:@aws-sdk/*", "--external:@smithy/*"),
    ]


async def _run(command: list[str], folder: Path, packages: Path | None) -> str | None:
    """Run esbuild; return what it says against the sources, or None."""
    environ = dict(os.environ)
    if packages is not None:
        environ["NODE_PATH"] = str(packages / "nodejs/node_modules")
    failure = await programs.run(command, folder, environ, patience_s=_PATIENCE_S)
    if failure is None:
        return None
    lines = (line.strip() for line in failure.told.splitlines())
    return " ".join([line for line in lines if line][:6]) or failure.how


def place_sources(built: Path, folder: Path) -> None:
    """Put each map into its file, with sources at the places they have for the function.

    Editors look for a map's file below the function's own folder, where it is not.

    Args:
        built: The folder with what esbuild has made, maps beside the files.
        folder: The function's folder.
    """
    (built / SOURCE_MAPS).touch()
    for file in built.rglob("*.map"):
        content = json.loads(file.read_text())
        sources = (Path(os.path.normpath(file.parent / each)) for each in content["sources"])
        content["sources"] = [
            os.path.relpath(
                folder / source.relative_to(folder), folder / file.parent.relative_to(built)
            )
            if source.is_relative_to(folder)
            else str(source)
            for source in sources
        ]
        text = base64.b64encode(json.dumps(content).encode()).decode()
        with file.with_suffix("").open("a") as code:
            code.write(f"//# sourceMappingURL=data:application/json;base64,{text}\n")
        file.unlink()


def _forget(builds: Path, newest: Path) -> None:
    """Remove builds of a function that nothing runs any more."""
    # Those that begin with a dot are being made.
    others = [each for each in builds.glob("[!.]*") if each != newest]
    others.sort(key=lambda each: each.stat().st_mtime)
    for each in others[: max(0, len(others) + 1 - _KEPT)]:
        shutil.rmtree(each, ignore_errors=True)
