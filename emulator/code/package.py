"""Code and layer archives: unpack them safely, make them from folders, hash them."""

from __future__ import annotations

import base64
import errno
import hashlib
import io
import mmap
import os
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from emulator.code.archive import Archive, BadArchive, Entry
from emulator.model.errors import AwsError, ConfigurationError, DriverFault
from emulator.model.limits import UNZIPPED_CODE, ZIPPED_CODE

#: The names of half-unpacked folders start with this.
TEMPORARY_PREFIX = ".unpacking-"

#: What never belongs in a function's archive: patterns for one component of a path.
DEFAULT_EXCLUDES = (
    ".git",
    ".hg",
    ".svn",
    ".venv",
    "__pycache__",
    "*.pyc",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".localfaas",
    ".aws-sam",
    ".DS_Store",
)

#: Errors of the file system for names it can't hold: the archive is wrong, not the machine.
_BAD_NAME = (errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL)
_CLASH = (errno.EEXIST, errno.ENOTDIR, errno.EISDIR)
#: Bytes of a name or of a link's target. Linux takes 4,096 for a whole path.
_LONGEST_NAME = 1024
#: Names of unreadable files that are told.
_SHOWN = 5
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageLimits:
    """What an archive may hold. Sizes are bytes.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html; AWS sets no
    public limit on entries, this one keeps a hostile archive from filling the inodes.
    """

    #: The archive itself.
    zipped: int = ZIPPED_CODE
    #: Everything in it, inflated.
    unzipped: int = UNZIPPED_CODE
    entries: int = 200_000
    #: All names and targets of symbolic links together: they are held in memory.
    links: int = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpacked:
    """The content of an unpacked archive."""

    #: Bytes of all files.
    size: int
    #: Files, folders and links named by the archive.
    entries: int
    #: Files and folders that functions can't read on AWS, where they are not the owner, with their
    #: modes: "app.py (mode 0600)". The first few.
    unreadable: tuple[str, ...] = ()


def code_sha256(archive: bytes) -> str:
    """Return ``CodeSha256`` as AWS shows it: the archive's SHA-256 in base64."""
    return base64.b64encode(hashlib.sha256(archive).digest()).decode()


def unpack(
    archive: Path | bytes, destination: Path, *, limits: PackageLimits | None = None
) -> Unpacked:
    """Unpack ``archive`` into the new folder ``destination``, all of it or nothing.

    Modes are kept as the archive has them, as on AWS, without set-user-id and the like; the owner
    may always read, and change folders. Without modes, files become 0644 and folders 0755. Links
    are kept as they are, wherever they lead: they mean something in a sandbox alone
    (:mod:`emulator.code.inside`).

    Blocking: call it in a thread. Two callers may unpack the same archive to the same place: the
    first to finish wins and both get the same answer.

    Args:
        archive: The zip archive, or the file that holds it.
        destination: Made here; its parent must exist.
        limits: AWS's own unless told otherwise.

    Raises:
        AwsError: The archive is too large, damaged, empty, or names something outside the root. The
            precise reason is the error's ``__cause__``.
        DriverFault: The machine could not hold it (disk full, no permission).
    """
    limits = limits or PackageLimits()
    try:
        size = archive.stat().st_size if isinstance(archive, Path) else len(archive)
        if size >= limits.zipped:
            raise AwsError(
                "RequestEntityTooLargeException",
                f"Zipped size must be smaller than {limits.zipped} bytes",
                status=413,
            )
        if not size:
            raise _empty()
        return _unpack(Archive(_view(archive)), destination, limits)
    except BadArchive as error:
        raise _refused() from error
    except OSError as error:
        # The text reaches callers of the API: it must not hold paths of this machine.
        raise DriverFault(
            f"could not unpack the code: {error.strerror or 'no reason given'}"
        ) from error


def zip_folder(folder: Path, exclude: Iterable[str] = DEFAULT_EXCLUDES) -> bytes:
    """Return ``folder`` as a zip archive that is the same for the same content.

    Times, owners and the order of the file system leave no trace. Links inside the folder stay
    links. Sockets, pipes and devices are left out.

    Args:
        folder: What becomes the root of the archive.
        exclude: Patterns (``fnmatch``) for names of files and folders to leave out.

    Raises:
        ConfigurationError: ``folder`` is none, holds more than AWS takes, or has a link that
            leaves it.
    """
    if not folder.is_dir():
        raise ConfigurationError(f"{folder} is not a folder")
    patterns = tuple(exclude)
    total, limit = 0, PackageLimits().unzipped
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        for path in sorted(_files(folder, patterns), key=lambda p: p.relative_to(folder).parts):
            info = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _EPOCH)
            info.create_system = 3
            status = path.lstat()
            if stat.S_ISLNK(status.st_mode):
                if not _inside(path, folder.resolve()):
                    raise ConfigurationError(f"{path} is a link that leaves {folder}; copy it in")
                info.external_attr = (stat.S_IFLNK | 0o777) << 16
                target.writestr(info, os.readlink(path))
                continue
            total += status.st_size
            if total >= limit:
                raise ConfigurationError(f"{folder} holds more than {limit} bytes")
            info.external_attr = (stat.S_IFREG | _packed_mode(status.st_mode)) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            with path.open("rb") as source, target.open(info, "w") as sink:
                shutil.copyfileobj(source, sink)
    return buffer.getvalue()


def _files(folder: Path, patterns: tuple[str, ...]) -> Iterator[Path]:
    with os.scandir(folder) as listing:
        for item in listing:
            if any(fnmatchcase(item.name, pattern) for pattern in patterns):
                continue
            if item.is_dir(follow_symlinks=False):
                yield from _files(Path(item.path), patterns)
            elif item.is_symlink() or item.is_file():
                yield Path(item.path)


def _view(archive: Path | bytes) -> memoryview:
    if isinstance(archive, bytes):
        return memoryview(archive)
    with archive.open("rb") as file:
        # Unmapped when the last slice is gone, which an exception's traceback may delay.
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def _unpack(archive: Archive, destination: Path, limits: PackageLimits) -> Unpacked:
    count = _check(archive, limits)
    root = Path(tempfile.mkdtemp(prefix=TEMPORARY_PREFIX, dir=destination.parent))
    try:
        root.chmod(0o755)
        size, unreadable = _write(archive, root, limits)
        try:
            root.rename(destination)
        except OSError as error:
            # Another caller was faster with the same content.
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return Unpacked(size=size, entries=count, unreadable=unreadable)


def _check(archive: Archive, limits: PackageLimits) -> int:
    """Refuse an archive by its directory alone, before anything is written."""
    count = claimed = compressed = 0
    for entry in archive.entries():
        count += 1
        if count > limits.entries:
            raise BadArchive(f"it has more than {limits.entries} entries")
        _parts(entry)
        compressed += entry.compressed_size
        if compressed > archive.size:
            # Entries that share bytes make the densest zip bombs.
            raise BadArchive("its entries overlap")
        claimed += entry.size
        if claimed >= limits.unzipped:
            raise _too_large(limits)
    if not count:
        raise _empty()
    return count


def _write(archive: Archive, root: Path, limits: PackageLimits) -> tuple[int, tuple[str, ...]]:
    """Write all entries under ``root``; return their real size, and what functions can't read.

    Links come last, so that no file can be written through one.
    """
    unreadable: list[str] = []
    modes: dict[str, int] = {}
    size = folders = link_bytes = 0
    links: list[tuple[str, str]] = []
    for entry in archive.entries():
        parts = _parts(entry)
        kind = _kind(entry)
        folders += _make_folders(root, parts if kind == stat.S_IFDIR else parts[:-1])
        if folders > limits.entries:
            raise BadArchive(f"it needs more than {limits.entries} folders")
        path = os.path.join(root, *parts)
        if kind != stat.S_IFLNK and not _is_readable(entry, kind):
            unreadable.append(f"{entry.name} (mode {stat.S_IMODE(entry.mode):04o})")
        if kind == stat.S_IFDIR and entry.mode:
            modes[path] = stat.S_IMODE(entry.mode) & 0o777 | 0o700
        if kind == stat.S_IFLNK:
            target = _link_target(archive, entry)
            link_bytes += len(path) + len(target)
            if link_bytes > limits.links:
                raise BadArchive("it has too many links")
            links.append((path, target))
        elif kind == stat.S_IFREG:
            with _create(path, _kept_mode(entry.mode)) as file:
                for block in archive.contents(entry):
                    size += len(block)
                    if size >= limits.unzipped:
                        raise _too_large(limits)
                    file.write(block)
    for path, mode in modes.items():
        os.chmod(path, mode)
    for path, target in links:
        with _naming(path):
            os.symlink(target, path)
    return size, tuple(unreadable[:_SHOWN])


def _parts(entry: Entry) -> tuple[str, ...]:
    """Return the components of an entry's name, or refuse it."""
    name = entry.name
    if (
        len(entry.raw_name) > _LONGEST_NAME
        or name.startswith("/")
        or "\0" in name
        or ".." in name.split("/")
    ):
        raise BadArchive(f"{name!r} is no name inside the root")
    if _kind(entry) not in (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK):
        raise BadArchive(f"{name!r} is neither a file, a folder nor a link")
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if not parts and _kind(entry) != stat.S_IFDIR:
        raise BadArchive(f"{name!r} names no file")
    return parts


def _kind(entry: Entry) -> int:
    """Return the file type as a mode has it. Archives without modes mark folders by name."""
    kind = stat.S_IFMT(entry.mode)
    if entry.name.endswith("/") and kind in (0, stat.S_IFREG):
        return stat.S_IFDIR
    return kind or stat.S_IFREG


def _kept_mode(mode: int) -> int:
    """Return the mode of a file: its own, without set-user-id and the like; its owner may read."""
    return stat.S_IMODE(mode) & 0o777 | 0o400 if mode else 0o644


def _packed_mode(mode: int) -> int:
    """Return the mode of a file of the user's own folder in an archive: all may read it."""
    return 0o755 if mode & 0o111 else 0o644


def _is_readable(entry: Entry, kind: int) -> bool:
    """Say whether who is not the owner can read a file, or enter and list a folder."""
    needed = 0o005 if kind == stat.S_IFDIR else 0o004
    return not entry.mode or entry.mode & needed == needed


def _make_folders(root: Path, parts: tuple[str, ...]) -> int:
    """Make the folder ``parts`` under ``root`` where it is missing; return how many it took."""
    if os.path.isdir(os.path.join(root, *parts)):
        return 0
    made = 0
    for depth in range(1, len(parts) + 1):
        path = os.path.join(root, *parts[:depth])
        if not os.path.isdir(path):
            with _naming(path):
                os.mkdir(path)
                os.chmod(path, 0o755)
            made += 1
    return made


@contextmanager
def _create(path: str, mode: int) -> Iterator[io.BufferedWriter]:
    with _naming(path):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)
        yield file


@contextmanager
def _naming(name: str) -> Iterator[None]:
    """Raise BadArchive for a name that the file system can't hold."""
    try:
        yield
    except (OSError, UnicodeEncodeError) as error:
        if isinstance(error, UnicodeEncodeError) or error.errno in _BAD_NAME:
            raise BadArchive(f"{name!r} can't be the name of a file here") from error
        if error.errno in _CLASH:
            raise BadArchive(f"{name!r} is there twice") from error
        raise


def _link_target(archive: Archive, entry: Entry) -> str:
    target = b""
    for block in archive.contents(entry):
        target += block
        if len(target) > _LONGEST_NAME:
            raise BadArchive(f"the link {entry.name!r} is too long")
    if not target or b"\0" in target:
        raise BadArchive(f"the link {entry.name!r} leads nowhere")
    return os.fsdecode(target)


def _inside(link: Path, root: Path) -> bool:
    """Say whether ``link`` is relative and ends inside ``root``, also when nothing is there."""
    if os.path.isabs(os.readlink(link)):
        return False
    lexical = Path(os.path.normpath(link.parent.resolve() / os.readlink(link)))
    return lexical.is_relative_to(root) and Path(os.path.realpath(link)).is_relative_to(root)


def _refused() -> AwsError:
    return AwsError(
        "InvalidParameterValueException",
        "Could not unzip uploaded file. Please check your file, then try to upload again.",
        status=400,
    )


def _empty() -> AwsError:
    return AwsError(
        "InvalidParameterValueException", "Uploaded file must be a non-empty zip", status=400
    )


def _too_large(limits: PackageLimits) -> AwsError:
    return AwsError(
        "InvalidParameterValueException",
        f"Unzipped size must be smaller than {limits.unzipped} bytes",
        status=400,
    )
