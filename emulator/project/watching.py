"""Hot reload: a change in a live folder, or in what declares functions, takes effect by itself.

One thread waits for the kernel's notices of changes below the folders that functions and layers are
served from. Ten times a second it also checks whether those folders, archives and declarations are
still the same ones: editors and git rename, remove and make them anew, and the kernel tells nothing
of a folder that has taken the place of a removed one.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from emulator.code.live import is_code, is_state, live_code
from emulator.code.package import code_sha256
from emulator.model.console import Console
from emulator.model.errors import AwsError, LocalfaasError
from emulator.model.function import Code, FunctionVersion
from emulator.project.building import is_source
from emulator.registry.function import Function
from emulator.registry.functions import Registry

#: Between two checks.
_TICK_MS = 100
#: A batch of changes is complete after this long without a further change …
_STEP_MS = 25
#: … and after this long in any case.
_DEBOUNCE_MS = 50

#: Paths with their inodes and times: what declares functions, and where their code lies.
Structure = tuple[tuple[str, int, int], ...]
#: Paths with their inodes.
Folders = list[tuple[str, int]]
#: A file as it is: inode, time of change, size.
File = tuple[int, int, int]


class Declared(Protocol):
    """What declares functions on the disk."""

    #: Its structure when it was read last.
    as_read: Structure

    def built_from(self) -> Collection[Path]:
        """Return the folders whose code it builds: a change in them counts as one of code."""
        ...

    def structure(self, reloads: int) -> Structure:
        """Return a value that changes when the declarations have to be read again.

        Called in the thread.

        Args:
            reloads: Counts the changes of code so far.
        """
        ...

    def changed(self) -> None:
        """Read the declarations again. Called on the loop; returns at once."""
        ...


class Watching:
    """Keeps functions in step with the disk from :meth:`start` to :meth:`stop`.

    Args:
        registry: Has the functions.
        console: Told what was done, and what could not be done.
        take: Returns the code of an archive of the user's.
        declared: What declares functions.
        layers: Follow the code of layers, too.
    """

    def __init__(
        self,
        registry: Registry,
        *,
        console: Console,
        take: Callable[[Path], Awaitable[Code]],
        declared: Sequence[Declared] = (),
        layers: bool = True,
    ) -> None:
        self._registry, self._console, self._take = registry, console, take
        self._declared, self._layers = tuple(declared), layers
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._looking = False
        self._unpacking: set[asyncio.Task[None]] = set()
        #: What is followed, with its digest as functions have it. The thread only reads it.
        self._sources: Mapping[Path, str] = {}
        # The rest is the thread's own.
        self._limited = False
        self._follows_built = True
        self._reloads = 0

    def start(self) -> None:
        """Begin; returns at once. Without anything to follow, no thread runs."""
        self._loop = asyncio.get_running_loop()
        self._registry.on_changed.append(self._look_soon)
        self._registry.on_retired.append(self._look_soon)
        self._look()

    async def stop(self) -> None:
        """Follow nothing any more."""
        self._stop.set()
        for task in self._unpacking:
            task.cancel()
        await asyncio.gather(*self._unpacking, return_exceptions=True)
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    # --- on the loop -----------------------------------------------------------------------------

    def _look_soon(self, changed: Function | FunctionVersion, reason: str = "") -> None:
        if not self._looking and self._loop is not None and not self._stop.is_set():
            self._looking = True
            self._loop.call_soon(self._look)

    def _of_layers(self, version: FunctionVersion) -> list[Code]:
        return [layer.code for layer in version.layers] if self._layers else []

    def _look(self) -> None:
        """See what is to be followed."""
        self._looking = False
        self._sources = {
            code.source: code.sha256
            for function in self._registry.all()
            for version in (function.latest, *function.versions.values())
            for code in (version.code, *self._of_layers(version))
            if code.source is not None
        }
        if (self._sources or self._declared) and self._thread is None and not self._stop.is_set():
            self._thread = threading.Thread(target=self._run, name="watching", daemon=True)
            self._thread.start()

    def _reloaded(self, codes: Mapping[Path, tuple[Code, str]]) -> None:
        now = {source: code for source, (code, _) in codes.items()}
        for function in self._registry.all():
            used = [source for source in _sources(function) if source in now]
            if used and self._registry.reload(function, now):
                self._console.info(f"reloaded {function.name} ({codes[used[0]][1]})")

    def _unpack(self, archive: Path) -> None:
        async def unpack() -> None:
            try:
                code = await self._take(archive)
            except LocalfaasError as error:
                reason = error.message if isinstance(error, AwsError) else str(error)
                self._console.warn(f"{archive}: {reason}. The functions stay as they were.")
            else:
                self._reloaded({archive: (code, f"{archive.name} changed")})

        task = asyncio.get_running_loop().create_task(unpack())
        self._unpacking.add(task)
        task.add_done_callback(self._unpacking.discard)

    # --- on the thread ---------------------------------------------------------------------------

    def _call(self, call: Callable[..., None], *args: object) -> None:
        assert self._loop is not None
        if not self._stop.is_set():
            self._loop.call_soon_threadsafe(call, *args)

    def _run(self) -> None:
        digests: dict[Path, str] = {}
        inodes: dict[Path, int] = {}
        archives = _Archives()
        declarations = [_Declarations(each, self._call) for each in self._declared]
        while not self._stop.is_set():
            sources = self._sources
            digests = {source: digests.get(source, sha) for source, sha in sources.items()}
            built = self._built_from()
            folders = _outermost({*sources, *built})
            # Changes before the kernel began to tell of them would be missed without it.
            begun = False
            for changed in self._batches(folders):
                if not begun:
                    self._compare(digests, inodes)
                    begun = True
                elif changed:
                    self._reload(digests, changed)
                    self._reloads += _is_among(changed, built)
                for archive in archives.changed(digests):
                    self._call(self._unpack, archive)
                for each in declarations:
                    each.look(self._reloads)
                if any(path in changed for path, _ in folders):
                    break  # it may be gone: follow what takes its place
                if self._sources.keys() != sources.keys() or built != self._built_from():
                    break
                if _outermost({*sources, *built}) != folders:
                    break

    def _built_from(self) -> set[Path]:
        if not self._follows_built:
            return set()
        return {folder for each in self._declared for folder in each.built_from()}

    def _batches(self, folders: Folders) -> Iterable[set[str]]:
        """Yield the user's paths that changed, at each check, until stopped."""
        if folders and not self._limited:
            from watchfiles import watch

            try:
                for batch in watch(
                    *(path for path, _ in folders),
                    watch_filter=None,
                    debounce=_DEBOUNCE_MS,
                    step=_STEP_MS,
                    rust_timeout=_TICK_MS,
                    yield_on_timeout=True,
                    stop_event=self._stop,
                    ignore_permission_denied=True,
                ):
                    yield {path for _, path in batch if not is_state(path)}
                return
            except FileNotFoundError:
                self._stop.wait(_TICK_MS / 1000)  # gone since it was listed: list it again
                return
            except (OSError, RuntimeError) as error:
                # What is built from may hold thousands of folders of packages: try without.
                self._limited, self._follows_built = not self._built_from(), False
                lost, left = "what functions are built from", "the functions' code and the template"
                if self._limited:
                    lost, left = "the functions' folders", "the template"
                self._call(
                    self._console.warn,
                    f"can't follow changes in {lost}: {error}. Changes of {left} are still "
                    "followed. On Linux, raise fs.inotify.max_user_watches and "
                    "max_user_instances (sysctl), then start again.",
                )
                if not self._limited:
                    return
        while not self._stop.wait(_TICK_MS / 1000):
            yield set()

    def _compare(self, digests: dict[Path, str], inodes: dict[Path, int]) -> None:
        """Reload what is not what functions have, or lies in another folder than before."""
        codes: dict[Path, tuple[Code, str]] = {}
        for source, digest in digests.items():
            _, inode, _ = seen(source)
            replaced = inode != inodes.get(source, inode)
            inodes[source] = inode
            if not source.is_dir():
                continue
            code = live_code(source)
            if replaced or code.sha256 != digest:
                codes[source] = (code, "its folder changed")
        self._tell(digests, codes)

    def _reload(self, digests: dict[Path, str], changed: set[str]) -> None:
        """Reload the functions whose code is among the changed paths."""
        codes: dict[Path, tuple[Code, str]] = {}
        for source in digests:
            start = f"{source}{os.sep}"
            below = (path[len(start) :] for path in changed if path.startswith(start))
            what = sorted(path for path in below if is_code(Path(path)))
            if what:
                more = f" and {len(what) - 1} more" if len(what) > 1 else ""
                codes[source] = (live_code(source), f"{what[0]}{more} changed")
            elif str(source) in changed:
                codes[source] = (live_code(source), "its folder changed")
        self._tell(digests, codes)

    def _tell(self, digests: dict[Path, str], codes: Mapping[Path, tuple[Code, str]]) -> None:
        if codes:
            self._reloads += 1
            digests.update((source, code.sha256) for source, (code, _) in codes.items())
            self._call(self._reloaded, codes)


class _Declarations:
    """Sees when declarations have changed and stay as they are."""

    def __init__(self, declared: Declared, call: Callable[..., None]) -> None:
        self._declared, self._call = declared, call
        self._seen: Structure | None = None
        self._pending: Structure | None = None

    def look(self, reloads: int) -> None:
        now = self._declared.structure(reloads)
        if self._seen is None:
            # They may have changed between the reading of them and now.
            self._seen = self._declared.as_read
        if now != self._pending:
            # They may still be being written: they are read once they stay the same.
            self._pending = now if now != self._seen else None
            return
        if now == self._seen:
            return
        self._call(self._declared.changed)
        self._seen, self._pending = now, None


class _Archives:
    """Sees when archives have changed and stay as they are."""

    def __init__(self) -> None:
        self._seen: dict[Path, File] = {}
        self._pending: dict[Path, File] = {}

    def changed(self, digests: Mapping[Path, str]) -> list[Path]:
        """Return the archives among the sources whose change is complete.

        Args:
            digests: What functions have of each source.
        """
        found = []
        for source, digest in digests.items():
            try:
                info = os.stat(source)
            except OSError:
                continue
            if os.path.isdir(source):
                continue
            now = (info.st_ino, info.st_mtime_ns, info.st_size)
            if source not in self._seen and _digest(source) != digest:
                self._seen[source] = (0, 0, 0)  # it changed before it was looked at
            if now == self._seen.setdefault(source, now):
                self._pending.pop(source, None)
            elif self._pending.get(source) == now:
                self._seen[source] = now
                found.append(source)
            else:
                self._pending[source] = now
        return found


def _is_among(changed: Iterable[str], built: Iterable[Path]) -> bool:
    """Say whether a source of what is built is among the changed paths."""
    return any(
        path.is_relative_to(folder) and is_source(path.relative_to(folder))
        for path in map(Path, changed)
        for folder in built
    )


def _digest(archive: Path) -> str:
    try:
        return code_sha256(archive.read_bytes())
    except OSError:
        return ""


def _sources(function: Function) -> list[Path]:
    """Return what a function's code and layers follow, its code first."""
    versions = (function.latest, *function.versions.values())
    codes = [version.code for version in versions]
    codes += [layer.code for version in versions for layer in version.layers]
    return [code.source for code in codes if code.source is not None]


def _outermost(sources: Iterable[Path]) -> Folders:
    """Return the folders as they are now, without folders within others."""
    outer: list[tuple[str, int]] = []
    for folder in sorted(sources):
        if outer and folder.is_relative_to(outer[-1][0]):
            continue
        path, inode, _ = seen(folder)
        if inode and folder.is_dir():
            outer.append((path, inode))
    return outer


def seen(path: Path) -> tuple[str, int, int]:
    """Return a path with its inode and the time of its last change; zeros where it is not there."""
    try:
        info = os.stat(path)
    except OSError:
        return str(path), 0, 0
    return str(path), info.st_ino, info.st_mtime_ns
