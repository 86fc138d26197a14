"""Code in a user's folder: which files are code, and which of them a function will find."""

from __future__ import annotations

import base64
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from emulator.code.package import DEFAULT_EXCLUDES
from emulator.model.function import Code

#: What editors and tools leave beside the code; patterns for one component of a path.
_EDITOR_FILES = (
    *("*~", ".*.sw?", ".*.swpx", "4913"),
    *(".#*", "#*#", "*.tmp", "*___jb_*", ".goutputstream-*"),
)
_IGNORED = (*DEFAULT_EXCLUDES, *_EDITOR_FILES)
#: Real paths of what this process writes: its state folders, and the files that its output goes
#: to. They may lie in a user's folder; what the emulator writes there is no change of code.
own_paths: set[str] = set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """Paths in a function's folder that the function will not find."""

    #: Links that lead out of it.
    links_out: tuple[str, ...] = ()
    #: Files and folders that the function's user can't read.
    unreadable: tuple[str, ...] = ()


def is_code(relative: Path) -> bool:
    """Say whether a change of a path in a function's folder is a change of its code."""
    return not any(fnmatchcase(part, pattern) for part in relative.parts for pattern in _IGNORED)


def is_state(path: str) -> bool:
    """Say whether a path is an emulator's own."""
    return any(path == each or path.startswith(each + os.sep) for each in own_paths)


def note_own_paths(state: Path) -> None:
    """Take note of a state folder, and of the files that standard output and errors go to."""
    own_paths.add(str(state))
    for stream in (1, 2):
        with suppress(OSError):  # a system without /proc
            path = os.readlink(f"/proc/self/fd/{stream}")
            if os.path.isfile(path):
                own_paths.add(path)


def live_code(folder: Path) -> Code:
    """Return the code in ``folder`` as it is now. Blocks.

    There is no archive to hash, and reading every file at each change would be slow: the digest
    is over each file's name, mode, size and time of change. It is the same until one of them
    changes, and never that of a deployment package.
    """
    return walk(folder)[0]


def walk(folder: Path) -> tuple[Code, Missed]:
    """Return the code in ``folder``, and what a function will not find there."""
    digest = hashlib.sha256()
    size = 0
    out: list[str] = []
    unreadable: list[str] = []
    real = folder.resolve()
    try:
        top = folder.stat()
    except FileNotFoundError:  # gone meanwhile: there is nothing in it
        return Code(sha256="", size=0, folder=folder, live=True), Missed()
    private = not _is_open(top)
    for name, info in _entries(folder):
        private = private or not _is_open(info)
        if not _is_readable(folder / name, info, top):
            unreadable.append(name)
        if stat.S_ISDIR(info.st_mode):
            continue
        if stat.S_ISLNK(info.st_mode) and not _stays(folder / name, real):
            out.append(name)
        size += info.st_size
        digest.update(
            f"{name}\0{info.st_mode:o}\0{info.st_size}\0{info.st_mtime_ns}\n".encode(
                "utf-8", "surrogateescape"
            )
        )
    if private:
        # It has to be shown in another way, so it is another code.
        digest.update(b"private")
    sha256 = base64.b64encode(digest.digest()).decode()
    code = Code(
        sha256=sha256, size=size, folder=folder, live=True, unpacked_size=size, private=private
    )
    return code, Missed(links_out=tuple(out), unreadable=tuple(unreadable))


def _is_open(info: os.stat_result) -> bool:
    """Say whether every user may read a file, or look into a folder."""
    needed = 0o005 if stat.S_ISDIR(info.st_mode) else 0o004
    return stat.S_ISLNK(info.st_mode) or info.st_mode & needed == needed


def _is_readable(path: Path, info: os.stat_result, top: os.stat_result) -> bool:
    """Say whether a function can read a file or folder of this user.

    Args:
        path: The file or folder.
        info: Its status.
        top: The status of the function's folder. If root runs the emulator, functions run as the
            owner of that folder.
    """
    if _is_open(info):
        return True
    is_folder = stat.S_ISDIR(info.st_mode)
    if os.geteuid() != 0:
        return os.access(path, os.R_OK | (os.X_OK if is_folder else 0))
    needed = 0o500 if is_folder else 0o400
    return info.st_uid == top.st_uid and info.st_mode & needed == needed


def _stays(link: Path, folder: Path) -> bool:
    """Say whether ``link`` has the same target once ``folder`` is mounted at /var/task."""
    try:
        target = os.readlink(link)
    except OSError:
        return True  # gone meanwhile
    return not os.path.isabs(target) and Path(os.path.realpath(link)).is_relative_to(folder)


def _entries(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the files and folders of code, in order; skip those that vanish meanwhile."""
    pending = [""]
    while pending:
        below = pending.pop()
        try:
            with os.scandir(folder / below) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            if any(fnmatchcase(entry.name, pattern) for pattern in _IGNORED):
                continue
            name = f"{below}{entry.name}"
            try:
                if entry.is_dir(follow_symlinks=False):
                    if own_paths and os.path.realpath(entry.path) in own_paths:
                        continue
                    pending.append(name + "/")
                elif entry.path in own_paths:
                    continue
                yield name, entry.stat(follow_symlinks=False)
            except OSError:
                continue
