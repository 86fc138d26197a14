"""Hot reload: a change in a function's folder or in the template takes effect by itself.

One thread waits for the kernel's notices of changes below the functions' folders. Ten times a
second it also checks whether the template and the folders themselves are still the same ones:
editors and git rename, remove and make them anew, and the kernel tells nothing of a folder that
has taken the place of a removed one.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from emulator.model.console import Console
from emulator.model.errors import ConfigurationError
from emulator.model.function import Code
from emulator.project.contents import Contents
from emulator.project.folder import Folder
from emulator.project.live_code import is_code, live_code
from emulator.stack.template import TEMPLATES

#: Between two checks.
_TICK_MS = 100
#: A batch of changes is complete after this long without a further change …
_STEP_MS = 25
#: … and after this long in any case.
_DEBOUNCE_MS = 50

_KEPT = "The functions stay as they were."

#: Paths with their inodes and times: what declares functions, and where their code lies.
Structure = tuple[tuple[str, int, int], ...]
#: Paths with their inodes.
Folders = list[tuple[str, int]]


class Watching:
    """Keeps a :class:`Folder` in step with the disk from :meth:`start` to :meth:`stop`.

    Args:
        console: Told what was done, and what could not be done.
        follow: Called when new declarations have been applied.
    """

    def __init__(
        self,
        folder: Folder,
        *,
        console: Console,
        follow: Callable[[], None] = lambda: None,
    ) -> None:
        self._folder = folder
        self._follow = follow
        self._console = console
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        #: As last read; perhaps not applied yet. Only the thread uses it.
        self._functions = dict(folder.contents.functions)
        self._limited = False
        self._reloads = 0

    def start(self) -> None:
        """Begin; returns at once."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="watching", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    # --- on the loop -----------------------------------------------------------------------------

    def _reloaded(self, codes: dict[str, tuple[Code, str]]) -> None:
        for name, (code, what) in codes.items():
            if self._folder.reload(name, code):
                self._console.info(f"reloaded {name} ({what})")

    def _declared(self, contents: Contents) -> None:
        try:
            notes = self._folder.check(contents)
        except ConfigurationError as error:
            self._console.warn(f"{error}. {_KEPT}")
            return
        for note in notes:
            self._console.warn(note)
        changes = self._folder.apply(contents)
        for verb, names in (
            ("added", changes.added),
            ("updated", changes.updated),
            ("removed", changes.removed),
        ):
            for name in names:
                self._console.info(f"{verb} {name} ({self._source()} changed)")
        self._follow()

    def _source(self) -> str:
        path = self._folder.path
        return next((name for name in TEMPLATES if (path / name).is_file()), path.name)

    # --- on the thread ---------------------------------------------------------------------------

    def _call(self, call: Callable[..., None], *args: object) -> None:
        assert self._loop is not None
        if not self._stop.is_set():
            self._loop.call_soon_threadsafe(call, *args)

    def _run(self) -> None:
        while not self._stop.is_set():
            folders = self._folders()
            # Empty, so that the first check reads everything: changes before the kernel began to
            # tell of them would be missed.
            seen: Structure = ()
            pending: Structure | None = None
            for changed in self._batches(folders):
                self._reload(changed)
                now = self._structure()
                if seen and now != pending:
                    # It may still be being written: read it once it stays the same.
                    pending = now if now != seen else None
                    if any(path in changed for path, _ in folders):
                        break  # it may be gone: follow what takes its place
                    continue
                self._reread(seen, now)
                seen, pending = now, None
                if self._folders() != folders:
                    break

    def _batches(self, folders: Folders) -> Iterable[set[str]]:
        """Yield the paths that changed, at each check, until stopped."""
        from watchfiles import watch

        if folders and not self._limited:
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
                    yield {path for _, path in batch}
                return
            except FileNotFoundError:
                self._stop.wait(_TICK_MS / 1000)  # gone since it was listed: list it again
                return
            except (OSError, RuntimeError) as error:
                self._limited = True
                self._call(
                    self._console.warn,
                    f"can't follow changes in the functions' folders: {error}. Changes of the "
                    "template are still followed. On Linux, raise fs.inotify.max_user_watches "
                    "and max_user_instances (sysctl), then start again.",
                )
        while not self._stop.wait(_TICK_MS / 1000):
            yield set()

    def _reload(self, changed: set[str]) -> None:
        """Reload the functions whose code is among the changed paths."""
        codes: dict[str, tuple[Code, str]] = {}
        for name, declared in self._functions.items() if changed else ():
            own = declared.declaration.folder
            if own is None:
                continue
            for folder in declared.folders:
                start = f"{folder}{os.sep}"
                below = (path[len(start) :] for path in changed if path.startswith(start))
                what = sorted(path for path in below if is_code(Path(path)))
                if what:
                    more = f" and {len(what) - 1} more" if len(what) > 1 else ""
                    codes[name] = (live_code(own), f"{what[0]}{more} changed")
                elif str(folder) in changed:
                    codes[name] = (live_code(own), "its folder changed")
        if codes:
            self._reloads += 1
            for name, (code, _) in codes.items():
                self._functions[name] = replace(self._functions[name], code=code)
            self._call(self._reloaded, codes)

    def _reread(self, before: Structure, now: Structure) -> None:
        """Read the declarations again; reload functions whose folder is not what it was."""
        try:
            contents = self._folder.read()
        except ConfigurationError as error:
            self._call(self._console.warn, f"{error}. {_KEPT}")
            return
        replaced = {path for path, _, _ in set(now) - set(before)} if before else set()
        codes = {}
        for name, declared in contents.functions.items():
            old = self._functions.get(name)
            if old is None or old.declaration != declared.declaration:
                continue
            folder = str(declared.declaration.folder)
            if folder in replaced or old.code.sha256 != declared.code.sha256:
                codes[name] = (declared.code, "its folder changed")
        self._functions = dict(contents.functions)
        self._call(self._declared, contents)
        if codes:
            self._call(self._reloaded, codes)

    def _folders(self) -> Folders:
        """Return the functions' folders as they are now, without folders within others."""
        outer: list[tuple[str, int]] = []
        for folder in sorted({one for each in self._functions.values() for one in each.folders}):
            if outer and folder.is_relative_to(outer[-1][0]):
                continue
            path, inode, _ = _seen(folder)
            if inode:
                outer.append((path, inode))
        return outer

    def _structure(self) -> Structure:
        """Return a value that changes when the declarations have to be read again."""
        path = self._folder.path
        seen = []
        if path.is_dir():
            files = [path / name for name in TEMPLATES]
            if any(file.is_file() for file in files):
                seen = [_seen(file) for file in files]
            else:
                # Every folder with a file of a conventional name is a function, and what is in
                # that file is its declaration.
                seen = [*_listing(path), ("", self._reloads, 0)]
        else:
            seen = [_seen(path)]
        for each in self._functions.values():
            if each.declaration.folder is None:
                continue
            name, inode, _ = _seen(each.declaration.folder)
            seen.append((name, inode, 0))
        return tuple(seen)


def _seen(path: Path) -> tuple[str, int, int]:
    try:
        info = os.stat(path)
    except OSError:
        return str(path), 0, 0
    return str(path), info.st_ino, info.st_mtime_ns


def _listing(path: Path) -> list[tuple[str, int, int]]:
    """Return the folder and the folders in it, with the times of their last changes."""
    try:
        with os.scandir(path) as entries:
            folders = [Path(entry.path) for entry in entries if entry.is_dir()]
    except OSError:
        folders = []
    return [_seen(path), *(_seen(each) for each in sorted(folders) if is_code(Path(each.name)))]
