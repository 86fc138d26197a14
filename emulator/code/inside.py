"""Where a sandbox's paths lead, link by link, as far as archives hold them.

Archives may hold any links, as on AWS: to ``/opt``, to ``/tmp``, upwards. They mean something in a
sandbox alone. Nothing here follows one on this machine.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

#: Links that Linux follows in one path.
_MOST_LINKS = 40


class LeadsElsewhere(Exception):
    """A path leads to what no archive holds: what is there only the sandbox can tell."""


def locate(place: str, roots: Mapping[str, Sequence[Path]]) -> Path | None:
    """Return the file or folder on this machine that a path of a sandbox means.

    Args:
        place: An absolute path, as the sandbox has it: "/var/task/bootstrap".
        roots: What the sandbox has at which folder: this machine's folders, the uppermost first.

    Returns:
        Its path, with no link in it below the root; None if there is nothing.

    Raises:
        LeadsElsewhere: A link leads out of all roots.
    """
    left = place.split("/")[::-1]
    at: list[str] = []
    links = 0
    while left:
        part = left.pop()
        if part in ("", "."):
            continue
        if part == "..":
            del at[-1:]
            continue
        at.append(part)
        found = _entry(at, roots)
        if found is None or not stat.S_ISLNK(found.lstat().st_mode):
            continue
        links += 1
        if links > _MOST_LINKS:
            return None
        target = os.readlink(found)
        at = [] if target.startswith("/") else at[:-1]
        left += target.split("/")[::-1]
    if not any(_below(at, root) is not None for root in roots):
        raise LeadsElsewhere(place)
    return _entry(at, roots)


def is_there(place: str, roots: Mapping[str, Sequence[Path]]) -> bool:
    """Say whether a path of a sandbox means a file, or may do: see :func:`locate`."""
    try:
        found = locate(place, roots)
    except LeadsElsewhere:
        return True
    return found is not None and found.is_file()


def is_own(path: Path, base: Path) -> bool:
    """Say whether a path that is below ``base`` still is once all links are followed."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(base))


def _below(at: Sequence[str], root: str) -> Sequence[str] | None:
    """Return what follows a root in a path; None if the path is not below it."""
    parts = root.strip("/").split("/")
    return at[len(parts) :] if list(at[: len(parts)]) == parts else None


def _entry(at: Sequence[str], roots: Mapping[str, Sequence[Path]]) -> Path | None:
    """Return the entry at a path that has no link before its last component."""
    for root, folders in roots.items():
        rest = _below(at, root)
        for folder in folders if rest is not None else ():
            found = _step(folder, rest or ())
            if found is not None:
                return found
    return None


def _step(folder: Path, rest: Sequence[str]) -> Path | None:
    """Return an entry of a folder by real folders alone."""
    path = folder
    for number, name in enumerate(rest):
        path = path / name
        try:
            mode = path.lstat().st_mode
        except (OSError, ValueError):  # ValueError: no file has such a name
            return None
        if number + 1 < len(rest) and not stat.S_ISDIR(mode):
            return None
    return path
