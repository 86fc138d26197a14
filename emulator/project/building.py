"""Functions and layers that have to be built: ``Metadata: BuildMethod``.

By ``sam build`` where SAM CLI is there. Makefiles need only ``make`` without it, and TypeScript is
built by :mod:`emulator.code.typescript` unless its properties say more than that does.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/
building-custom-runtimes.html
"""

from __future__ import annotations

import gc
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from emulator.code.live import is_code, is_state
from emulator.model.console import Console

#: Where ``sam build`` puts what it has built, a folder for each resource.
_BUILT = Path(".aws-sam") / "build"
#: Seconds that a build may take.
_PATIENCE_S = 900
#: Folders in which nothing is a source.
_ASIDE = (".aws-sam", "node_modules", ".git", "target")
#: And what .NET puts beside its project.
_DOTNETS = ("bin", "obj")
#: Lines of a failed build that are shown.
_SHOWN = 5
#: Builds in a row during each of which something changed in their sources.
_RESTLESS = 2


#: The properties of ``BuildMethod: esbuild`` that say no more than what is done anyway.
_USUAL = frozenset(("EntryPoints", "Target", "Minify", "Sourcemap"))


#: Languages whose layers are built without SAM CLI, with the files that name packages: those are
#: installed when a function first wants them.
_LANGUAGES = {
    "python": ("requirements.txt",),
    "nodejs": ("package.json", "package-lock.json", "npm-shrinkwrap.json"),
}


class Contents(NamedTuple):
    """What a folder holds, in short: it is another one once a file comes, goes or changes."""

    #: The folder.
    path: str
    #: Of its files' names, modes, sizes and times, within this process.
    digest: int
    #: When a file changed last, nanoseconds since the epoch; 0 for none.
    changed_ns: int


class _Record(NamedTuple):
    """What something was built from."""

    contents: Contents
    #: Builds in a row during each of which that changed.
    restless: int


class SamBuild:
    """Builds what a template says has to be built.

    Args:
        template: The template.
        console: Told of builds, and of what could not be built.
    """

    def __init__(self, template: Path, console: Console) -> None:
        self._template, self._console = template, console
        self._told: set[str] = set()
        #: Of each resource that is built. Never changed in place: another thread reads it.
        self._records: dict[str, _Record] = {}
        #: What was asked for, and what was built, in this reading of the template.
        self._asked: set[str] = set()
        self._renewed: set[str] = set()
        self._lock = threading.Lock()
        self._program: subprocess.Popen[str] | None = None
        self._stopped = False

    @property
    def sources(self) -> set[Contents]:
        """The folders that are built from, as they were: one of two builds may have seen less."""
        return {record.contents for record in self._records.values()}

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Hold for one reading of the template: what it does not ask for is forgotten."""
        self._asked, self._renewed = set(), set()
        try:
            yield
            self._records = {each: self._records[each] for each in self._asked}
        finally:
            self._settle()

    def _settle(self) -> None:
        """Take sources that each build changes as what was built.

        Only after all builds: one of the same folder has to see the user's change, too.
        """
        for logical in self._renewed & self._records.keys():
            contents, restless = self._records[logical]
            if restless > _RESTLESS:
                self._record(logical, contents_of(Path(contents.path)), restless)

    def _record(self, logical: str, contents: Contents, restless: int) -> None:
        self._records = {**self._records, logical: _Record(contents, restless)}

    def stop(self) -> None:
        """End the build that runs, with all that it has started; no other one begins."""
        with self._lock:
            self._stopped = True
            if self._program is not None:
                _end(self._program)

    def __call__(self, logical: str, resource: Mapping[str, Any], source: Path) -> Path | None:
        """Return the built code of a resource; None where its source is to be served. Blocks.

        Args:
            logical: The resource's name in the template.
            resource: The resource.
            source: The folder of its code.
        """
        metadata = resource.get("Metadata")
        method = metadata.get("BuildMethod") if isinstance(metadata, Mapping) else None
        if not isinstance(method, str) or self._template.parent.name == "build" or self._stopped:
            return None
        if method == "esbuild" and _is_usual(resource["Metadata"]):
            return None  # from its sources, whenever they change
        is_layer = str(resource.get("Type")).endswith("::LayerVersion")
        language = next((each for each in _LANGUAGES if method.startswith(each)), "")
        if shutil.which("sam") is not None:
            language = ""
        if language and not is_layer:
            return None  # from its sources: its packages are installed anyway
        folder = self._template.parent / _BUILT / logical
        before = contents_of(source)
        known = self._records.get(logical)
        if known is None:
            is_new, restless = contents_of(folder).changed_ns < before.changed_ns, 0
        else:
            is_new, restless = known.contents != before, known.restless
        self._asked.add(logical)
        self._record(logical, before, restless)
        if is_new or not folder.is_dir():
            self._renewed.add(logical)
            self._build(logical, method, language, source)
            # A change meanwhile is the user's, or the build's own: that comes with each build.
            self._record(logical, before, restless + 1 if contents_of(source) != before else 0)
        return folder if folder.is_dir() else None

    def _build(self, logical: str, method: str, language: str, source: Path) -> None:
        built = self._template.parent / _BUILT
        fresh = built / f".{logical}"
        sam, make = shutil.which("sam"), shutil.which("make")
        command, where, environ = list[str](), source, dict[str, str]()
        if language:
            program = "copying"
        elif sam is not None:
            program, where, environ = "sam build", self._template.parent, {"SAM_CLI_TELEMETRY": "0"}
            command = [sam, "build", logical, "--template-file", str(self._template)]
            command += ["--build-dir", str(built)]
        elif method == "makefile" and make is not None:
            # https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/
            # building-custom-runtimes.html
            program, environ = "make", {"ARTIFACTS_DIR": str(fresh)}
            command = [make, f"build-{logical}"]
        else:
            self._tell(f"{logical}: to be built by {method}, which needs SAM CLI: `sam build`")
            return
        if command:
            self._console.info(f"building {logical} by {method} ({program})")
        try:
            if program == "sam build":
                self._run(logical, program, command, where, environ)
                return
            shutil.rmtree(fresh, ignore_errors=True)
            os.makedirs(fresh)
            if language:
                _arrange(source, fresh, language)
            elif not self._run(logical, program, command, where, environ):
                return
            _put(fresh, built / logical)
        except (OSError, subprocess.TimeoutExpired) as error:
            self._console.warn(f"{logical}: {program} failed: {error}")
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    def _run(
        self, logical: str, program: str, command: list[str], where: Path, environ: dict[str, str]
    ) -> bool:
        """Run a build; return whether it went well."""
        gc.enable()  # a start goes without it, but one that waits for this is no short one
        with self._lock:
            if self._stopped:
                return False
            self._program = subprocess.Popen(
                command,
                cwd=where,
                env={**os.environ, **environ},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        with self._program as running:
            try:
                output, errors = running.communicate(timeout=_PATIENCE_S)
            except BaseException:
                _end(running)
                raise
        if running.returncode and not self._stopped:
            said = (errors or output).strip().splitlines()[-_SHOWN:]
            self._console.warn(f"{logical}: {program} failed: {' '.join(said)}")
        return running.returncode == 0

    def _tell(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._console.warn(text)


def _end(program: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        if program.poll() is None:
            os.killpg(program.pid, signal.SIGKILL)


def _put(fresh: Path, folder: Path) -> None:
    """Put a whole build in the place of the one before, which stays if that fails."""
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    with suppress(FileNotFoundError):
        folder.rename(old)
    try:
        fresh.rename(folder)
    except OSError:
        with suppress(FileNotFoundError):
            old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _arrange(source: Path, folder: Path, language: str) -> None:
    """Make a layer of sources: they lie in a folder of the language, what they need beside it."""
    inside = folder / ("python" if language == "python" else "nodejs")
    usual = shutil.ignore_patterns(*_ASIDE, *_LANGUAGES[language])

    def ignored(where: str, names: list[str]) -> set[str]:
        states = {name for name in names if is_state(os.path.join(where, name))}
        return states | set(usual(where, names))

    shutil.copytree(source, inside, ignore=ignored, symlinks=True)
    for name in _LANGUAGES[language]:
        if (source / name).is_file():
            shutil.copy2(source / name, folder / name)


def _is_usual(metadata: Mapping[str, Any]) -> bool:
    properties = metadata.get("BuildProperties") or {}
    return isinstance(properties, Mapping) and properties.keys() <= _USUAL


def is_source(path: Path) -> bool:
    """Say whether a change of this path, within a folder that is built from, wants a build."""
    return is_code(path) and not any(part in _ASIDE for part in path.parts)


def contents_of(folder: Path) -> Contents:
    """Return what a folder holds of sources now."""
    latest = digest = 0
    path = os.path.realpath(folder)
    for root, folders, files in os.walk(path):
        made = (*_ASIDE, *_DOTNETS) if any(name.endswith("proj") for name in files) else _ASIDE
        folders[:] = [
            name
            for name in folders
            if name not in made and is_code(Path(name)) and not is_state(os.path.join(root, name))
        ]
        for name in files:
            if not is_code(Path(name)):
                continue
            file = os.path.join(root, name)
            try:
                info = os.lstat(file)
            except OSError:
                continue  # gone meanwhile
            latest = max(latest, info.st_mtime_ns)
            digest ^= hash((file, info.st_mode, info.st_size, info.st_mtime_ns))
    return Contents(path, digest, latest)
