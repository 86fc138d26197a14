"""Hot reload: a change in a function's folder or in the template takes effect by itself.

One thread waits for the kernel's notices of the functions' folders. Between them it looks, ten
times a second, whether the template or the folders themselves are still the same ones: that
survives whatever editors and git do to them (rename, remove, make anew), which notices of a
removed folder do not.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from emulator.control.folder import TEMPLATES, Declared, Folder, counts, live_code
from emulator.model.errors import ConfigurationError
from emulator.model.function import Code

#: Milliseconds between two looks.
_TICK = 100
#: Milliseconds without a further change after which a batch of changes is complete …
_STEP = 25
#: … and the most a batch may take.
_DEBOUNCE = 50

_KEPT = "The functions stay as they were."

Structure = tuple[tuple[str, int, int], ...]


class Watching:
    """Keeps a :class:`Folder` in step with the disk from :meth:`start` to :meth:`stop`.

    Args:
        say: Told what was done, for people.
        complain: Told what could not be done, for people.
    """

    def __init__(
        self, folder: Folder, *, say: Callable[[str], None], complain: Callable[[str], None]
    ) -> None:
        self._folder = folder
        self._say = say
        self._complain = complain
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        #: As read last, also where it has not been applied yet. The thread's own.
        self._found = dict(folder.declared)
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
                self._say(f"reloaded {name} ({what})")

    def _declared(self, found: dict[str, Declared]) -> None:
        try:
            notes = self._folder.check(found)
        except ConfigurationError as error:
            self._complain(f"{error}. {_KEPT}")
            return
        for note in notes:
            self._complain(note)
        changes = self._folder.apply(found)
        for verb, names in (
            ("added", changes.added),
            ("updated", changes.updated),
            ("removed", changes.removed),
        ):
            for name in names:
                self._say(f"{verb} {name} ({self._folder.path.name} changed)")

    # --- on the thread ---------------------------------------------------------------------------

    def _call(self, call: Callable[..., None], *args: object) -> None:
        assert self._loop is not None
        if not self._stop.is_set():
            self._loop.call_soon_threadsafe(call, *args)

    def _run(self) -> None:
        structure = self._structure()
        pending: Structure | None = None
        while not self._stop.is_set():
            folders = self._folders()
            for changed in self._batches(folders):
                self._reload(changed)
                now = self._structure()
                if now == structure:
                    pending = None
                elif now != pending:
                    pending = now  # perhaps still being written
                else:
                    self._reread(structure, now)
                    structure, pending = now, None
                    break

    def _batches(self, folders: Iterable[str]) -> Iterable[set[Path]]:
        """Yield the paths that changed, or nothing each time nothing did, until stopped."""
        from watchfiles import watch

        paths = list(folders)
        if paths and not self._limited:
            try:
                for batch in watch(
                    *paths,
                    watch_filter=None,
                    debounce=_DEBOUNCE,
                    step=_STEP,
                    rust_timeout=_TICK,
                    yield_on_timeout=True,
                    stop_event=self._stop,
                    ignore_permission_denied=True,
                ):
                    yield {Path(path) for _, path in batch}
                return
            except FileNotFoundError:
                pass  # gone since it was listed; the next look finds out
            except (OSError, RuntimeError) as error:
                self._limited = True
                self._call(
                    self._complain,
                    f"can't follow changes in the functions' folders: {error}. Changes of the "
                    "template are still followed. On Linux, raise fs.inotify.max_user_watches "
                    "and max_user_instances (sysctl), then start again.",
                )
        while not self._stop.wait(_TICK / 1000):
            yield set()

    def _reload(self, changed: set[Path]) -> None:
        """Reload the functions in whose folders something that counts has changed."""
        codes: dict[str, tuple[Code, str]] = {}
        for name, declared in self._found.items():
            folder = declared.declaration.folder.resolve()
            what = sorted(
                str(below)
                for path in changed
                if path.is_relative_to(folder) and counts(below := path.relative_to(folder))
            )
            if what:
                more = f" and {len(what) - 1} more" if len(what) > 1 else ""
                codes[name] = (live_code(declared.declaration.folder), _shown(what[0]) + more)
        if codes:
            self._reloads += 1
            self._call(self._reloaded, codes)

    def _reread(self, before: Structure, now: Structure) -> None:
        """Read the declarations again; reload functions whose folder is another one now."""
        try:
            found = self._folder.read()
        except ConfigurationError as error:
            self._call(self._complain, f"{error}. {_KEPT}")
            return
        replaced = {path for path, _, _ in set(now) - set(before)}
        codes = {
            name: (declared.code, "its folder was replaced")
            for name, declared in found.items()
            if name in self._found
            and str(declared.declaration.folder) in replaced
            and declared.declaration == self._found[name].declaration
        }
        self._found = found
        self._call(self._declared, found)
        if codes:
            self._call(self._reloaded, codes)

    def _folders(self) -> list[str]:
        """Return the functions' folders without those that lie in another one."""
        folders = sorted({each.declaration.folder.resolve() for each in self._found.values()})
        outer: list[Path] = []
        for folder in folders:
            if not (outer and folder.is_relative_to(outer[-1])) and folder.is_dir():
                outer.append(folder)
        return [str(folder) for folder in outer]

    def _structure(self) -> Structure:
        """Return what tells whether the declarations have to be read again."""
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
        for each in self._found.values():
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
    """Return the folder and those in it, with the times at which their entries last changed."""
    try:
        with os.scandir(path) as entries:
            folders = [Path(entry.path) for entry in entries if entry.is_dir()]
    except OSError:
        folders = []
    return [_seen(path), *(_seen(each) for each in sorted(folders) if counts(Path(each.name)))]


def _shown(path: str) -> str:
    return f"{path} changed" if path != "." else "changed"
