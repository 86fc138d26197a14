"""Archives that nobody vouches for: what is kept, what is refused, and at what price."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import stat
import struct
import tracemalloc
import warnings
import zipfile
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from emulator.code.package import PackageLimits, Unpacked, code_sha256, unpack, zip_folder
from emulator.model.errors import AwsError, ConfigurationError, DriverFault

BAD = "Could not unzip uploaded file. Please check your file, then try to upload again."
HANDLER = "def handler(event, context): return event\n"
MB = 1024 * 1024


def entry(name: str, *, mode: int = 0o100644, system: int = 3) -> zipfile.ZipInfo:
    """Return a record whose name ``zipfile`` has not had a chance to make harmless."""
    info = zipfile.ZipInfo("x")
    info.filename = name
    info.create_system = system
    info.external_attr = mode << 16
    return info


def archive(*entries: tuple[zipfile.ZipInfo | str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of duplicate names, which are the point
        for info, content in entries:
            target.writestr(info, content)
    return buffer.getvalue()


def link(name: str, target: str) -> tuple[zipfile.ZipInfo, str]:
    return entry(name, mode=0o120777), target


GOOD = archive(("app.py", HANDLER))


def patched(data: bytes, *changes: tuple[bytes, int, str, int]) -> bytes:
    """Overwrite fields of the first record of a signature: (signature, offset, format, value)."""
    out = bytearray(data)
    for signature, offset, shape, value in changes:
        struct.pack_into(shape, out, data.index(signature) + offset, value)
    return bytes(out)


def renamed(old: bytes, new: bytes) -> bytes:
    """Return an archive whose names are ``new``, byte for byte, in both headers."""
    assert len(old) == len(new)
    return archive((entry(old.decode()), HANDLER)).replace(old, new)


LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"

EVIL: dict[str, bytes] = {
    "parent": archive((entry("../evil"), "x")),
    "parent, deep": archive((entry("a/b/../../../evil"), "x")),
    "parent, inside": archive((entry("a/../evil"), "x")),
    "parent alone": archive((entry(".."), "x")),
    "parent as a folder": archive((entry("../"), "")),
    "absolute": archive((entry("/tmp/evil"), "x")),
    "absolute, doubled": archive((entry("//tmp/evil"), "x")),
    "NUL": renamed(b"app.pyxevil", b"app.py\0evil"),
    "no name": archive((entry("."), "x")),
    "name too long": archive((entry("n" * 300), "x")),
    "path too long": archive((entry("/".join(["n" * 100] * 40)[1:]), "x")),
    "deep": archive((entry("d/" * 600 + "f"), "x")),
    "twice": archive((entry("app.py"), "x"), (entry("app.py"), "y")),
    "twice, spelt differently": archive((entry("app.py"), "x"), (entry("./app.py"), "y")),
    "file under a file": archive((entry("a"), "x"), (entry("a/b"), "y")),
    "folder over a file": archive((entry("a"), "x"), (entry("a/"), "")),
    "file over a folder": archive((entry("a/b"), "x"), (entry("a"), "y")),
    "character device": archive((entry("null", mode=0o020666), "")),
    "block device": archive((entry("disk", mode=0o060666), "")),
    "pipe": archive((entry("pipe", mode=0o010666), "")),
    "socket": archive((entry("sock", mode=0o140666), "")),
    "link, then a file through it": archive(link("d", "/tmp"), (entry("d/evil"), "x")),
    "link inside, then a file through it": archive(link("d", "."), (entry("d/evil"), "x")),
    "file through, then the link": archive((entry("d/evil"), "x"), link("d", "..")),
    "link without target": archive(link("l", "")),
    "link with NUL": archive(link("l", "a\0b")),
    "link too long": archive(link("l", "a/" * 3000)),
    "link twice": archive((entry("f"), "x"), link("l", "f"), link("l", "f")),
    "encrypted": patched(GOOD, (LOCAL, 6, "<H", 1), (CENTRAL, 8, "<H", 1)),
    "bad checksum": patched(GOOD, (LOCAL, 14, "<L", 1), (CENTRAL, 16, "<L", 1)),
    "claims less": patched(GOOD, (LOCAL, 22, "<L", 3), (CENTRAL, 24, "<L", 3)),
    "claims more": patched(GOOD, (LOCAL, 22, "<L", 999), (CENTRAL, 24, "<L", 999)),
    "claims too much data": patched(GOOD, (CENTRAL, 20, "<L", 1 << 20)),
    "unknown method": patched(GOOD, (LOCAL, 8, "<H", 93), (CENTRAL, 10, "<H", 93)),
    "two names": GOOD.replace(b"app.py", b"evilpy", 1),
    "local header elsewhere": patched(GOOD, (CENTRAL, 42, "<L", 7)),
    "local header beyond": patched(GOOD, (CENTRAL, 42, "<L", 1 << 30)),
    "directory beyond": patched(GOOD, (END, 16, "<L", 1 << 30)),
    "directory too long": patched(GOOD, (END, 12, "<L", 1 << 30)),
    "one part of several": patched(GOOD, (END, 4, "<H", 2)),
    "not deflated": GOOD[:45] + b"\xff" * 8 + GOOD[53:],
    "head only": GOOD[: len(GOOD) // 2],
    "tail only": GOOD[len(GOOD) // 2 :],
    "no directory end": GOOD[:-10],
    "no UTF-8": patched(
        renamed(b"xxxx.py", b"x\xff\xfex.py"), (LOCAL, 6, "<H", 0x800), (CENTRAL, 8, "<H", 0x800)
    ),
    "text": b"this is no zip archive",
    "gzip": b"\x1f\x8b" + bytes(200),
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder in a folder, so that what leaves it can be seen."""
    (tmp_path / "inner").mkdir()
    return tmp_path / "inner" / "code"


@pytest.mark.parametrize("name", EVIL)
def test_evil_archive_is_refused_and_leaves_nothing(name: str, root: Path, tmp_path: Path) -> None:
    with pytest.raises(AwsError) as caught:
        unpack(EVIL[name], root)
    assert (caught.value.code, caught.value.message, caught.value.status) == (
        "InvalidParameterValueException",
        BAD,
        400,
    )
    assert caught.value.__cause__, "the reason is told"
    assert [path.name for path in tmp_path.rglob("*")] == ["inner"]
    assert not any(Path("/tmp").glob("evil*"))


@pytest.mark.parametrize("data", [b"", archive()], ids=["no bytes", "no entries"])
def test_empty_archive(data: bytes, root: Path) -> None:
    with pytest.raises(AwsError, match="Uploaded file must be a non-empty zip"):
        unpack(data, root)


def test_every_cut_is_refused(root: Path) -> None:
    for length in range(1, len(GOOD)):
        with pytest.raises(AwsError):
            unpack(GOOD[:length], root)
    assert not root.exists()


def test_every_damaged_byte_is_refused_or_harmless(root: Path, tmp_path: Path) -> None:
    for at in range(len(GOOD)):
        damaged = GOOD[:at] + bytes([GOOD[at] ^ 0xFF]) + GOOD[at + 1 :]
        target = root.with_name(f"code{at}")
        try:
            unpack(damaged, target)
        except AwsError:
            assert not target.exists()
        else:
            (file,) = (path for path in target.rglob("*") if path.is_file())
            assert file.read_text() == HANDLER
    assert {path.parent for path in tmp_path.glob("*")} == {tmp_path}


@pytest.mark.parametrize("as_file", [True, False])
def test_modes_and_content_are_kept(root: Path, tmp_path: Path, as_file: bool) -> None:
    data = archive(
        (entry("app.py"), HANDLER),
        (entry("bootstrap", mode=0o100700), "#!/bin/sh\n"),
        (entry("secret", mode=0o100600), "s"),
        (entry("suid", mode=0o104755), "s"),
        (entry("dos.txt", mode=0, system=0), "d"),
        (entry("pkg/", mode=0o040700), ""),
        (entry("./pkg//mod.py"), "m"),
        (entry("unicode/ärger.py"), "u"),
        (entry("stored"), b""),
    )
    source: Path | bytes = data
    if as_file:
        source = tmp_path / "code.zip"
        source.write_bytes(data)
    before = os.umask(0o077)
    try:
        result = unpack(source, root)
    finally:
        os.umask(before)
    unreadable = ("bootstrap (mode 0700)", "secret (mode 0600)", "pkg/ (mode 0700)")
    size = len(HANDLER) + 10 + 5
    assert result == Unpacked(size=size, entries=9, unreadable=unreadable)
    modes = {str(p.relative_to(root)): stat.S_IMODE(p.stat().st_mode) for p in root.rglob("*")}
    assert modes == {
        "app.py": 0o644,
        "bootstrap": 0o700,
        "secret": 0o600,
        "suid": 0o755,
        "dos.txt": 0o644,
        "pkg": 0o700,
        "pkg/mod.py": 0o644,
        "unicode": 0o755,
        "unicode/ärger.py": 0o644,
        "stored": 0o644,
    }
    assert stat.S_IMODE(root.stat().st_mode) == 0o755
    assert (root / "app.py").read_text() == HANDLER


@pytest.mark.parametrize(
    ("raw", "name"), [("éé.py".encode(), "éé.py"), (b"\x82aaa.py", "éaaa.py")], ids=["UTF-8", "DOS"]
)
def test_names_without_a_declared_encoding(root: Path, raw: bytes, name: str) -> None:
    unpack(renamed(b"xxxx.py", raw), root)
    assert [path.name for path in root.iterdir()] == [name]


def test_links_inside_the_root_are_kept(root: Path) -> None:
    unpack(
        archive(
            link("lib/libx.so", "libx.so.1"),
            (entry("lib/libx.so.1"), "elf"),
            link("node_modules/.bin/tool", "../tool/cli.js"),
            (entry("node_modules/tool/cli.js"), "cli"),
            link("dangling", "lib/nothing"),
            link("folder", "lib"),
            link("here", "."),
        ),
        root,
    )
    assert (root / "lib/libx.so").readlink() == Path("libx.so.1")
    assert (root / "node_modules/.bin/tool").read_text() == "cli"
    assert (root / "folder/libx.so").read_text() == "elf"
    assert (root / "dangling").is_symlink()


@pytest.mark.parametrize(
    "target",
    ["/opt/nodejs/node_modules", "/tmp/x", "/etc/passwd", "..", "../../evil", "a\\b", "/dev/zero"],
)
def test_links_are_kept_wherever_they_lead(root: Path, target: str) -> None:
    assert unpack(archive(link("deep/link", target), (entry("f"), "x")), root).entries == 2
    assert os.readlink(root / "deep/link") == target


@pytest.mark.parametrize(
    ("raw", "parts"),
    [
        (b"..\\evil", ["..\\evil"]),
        (b"wwwroot\\app.css", ["wwwroot\\app.css"]),
        (b"\\\\host\\evil", ["\\\\host\\evil"]),
        (b"C:/evil", ["C:", "C:/evil"]),
    ],
)
def test_names_are_those_of_linux(root: Path, tmp_path: Path, raw: bytes, parts: list[str]) -> None:
    unpack(renamed(b"x" * len(raw), raw), root)
    assert sorted(str(path.relative_to(root)) for path in root.rglob("*")) == parts
    assert [path.name for path in tmp_path.iterdir()] == ["inner"]


def test_whatever_the_modes_are_the_emulator_can_read_and_remove_it(root: Path) -> None:
    result = unpack(
        archive(
            (entry("none.py", mode=0o100000), "x"),
            (entry("all.py", mode=0o107777), "y"),
            (entry("shut/", mode=0o040111), ""),
            (entry("shut/in.py", mode=0o100444), "z"),
        ),
        root,
    )
    modes = {str(p.relative_to(root)): stat.S_IMODE(p.stat().st_mode) for p in root.rglob("*")}
    assert modes == {"none.py": 0o400, "all.py": 0o777, "shut": 0o711, "shut/in.py": 0o444}
    assert result.unreadable == ("none.py (mode 0000)", "shut/ (mode 0111)")
    assert unpack(archive((entry("ok.py"), "x")), root.parent / "other").unreadable == ()


def test_stub_and_comment_around_the_archive(root: Path) -> None:
    buffer = io.BytesIO(b"#!/bin/sh\nexit 1\n")
    with zipfile.ZipFile(buffer, "a") as target:
        target.writestr("app.py", HANDLER)
        target.comment = b"made by hand"
    assert unpack(buffer.getvalue(), root).entries == 1


def test_streamed_and_zip64_archives(root: Path) -> None:
    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.data = b""

        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:  # type: ignore[override]
            self.data += data
            return len(data)

    pipe = Pipe()
    with (
        zipfile.ZipFile(pipe, "w") as target,
        target.open("app.py", "w", force_zip64=True) as file,
    ):
        file.write(HANDLER.encode())
    assert unpack(pipe.data, root).size == len(HANDLER)


def test_zipped_size_limit(root: Path) -> None:
    with pytest.raises(AwsError) as caught:
        unpack(GOOD, root, limits=PackageLimits(zipped=len(GOOD)))
    assert (caught.value.code, caught.value.message, caught.value.status) == (
        "RequestEntityTooLargeException",
        f"Zipped size must be smaller than {len(GOOD)} bytes",
        413,
    )
    assert unpack(GOOD, root, limits=PackageLimits(zipped=len(GOOD) + 1)).entries == 1


def test_limits_are_those_of_aws() -> None:
    assert (PackageLimits().zipped, PackageLimits().unzipped) == (52428800, 262144000)


@pytest.mark.parametrize(
    "lie",
    [lambda data: data, lambda data: patched(data, (CENTRAL, 24, "<L", 7), (LOCAL, 22, "<L", 7))],
    ids=["honest", "claims 7 bytes"],
)
def test_unzipped_size_counts_what_really_comes(root: Path, lie: Callable[[bytes], bytes]) -> None:
    bomb = lie(archive(("zeros", bytes(4 * MB))))
    with pytest.raises(AwsError) as caught:
        unpack(bomb, root, limits=PackageLimits(unzipped=MB))
    assert caught.value.message == "Unzipped size must be smaller than 1048576 bytes"
    assert caught.value.status == 400
    assert not list(root.parent.iterdir())


def deflated_zeros(size: int) -> bytes:
    """Return ``size`` zeros, deflated: one block that ends on a byte, again and again."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = deflater.compress(bytes(16 * MB)) + deflater.flush(zlib.Z_FULL_FLUSH)
    return block * (size // (16 * MB)) + deflater.flush()


def handmade(records: list[tuple[bytes, int, int, int]], data: bytes, *, local: bytes) -> bytes:
    """Return an archive of one local header and many records that all point at it."""
    head = struct.pack("<4s5H3L2H", LOCAL, 20, 0, 8, 0, 33, 0, len(data), 0, len(local), 0)
    body = head + local + data
    directory = b"".join(
        struct.pack(
            "<4s2B5H3L5H2L",
            *(CENTRAL, 20, 3, 20, 0, 8, 0, 33, crc, packed, size, len(name), 0, 0, 0, 0),
            *(0o100644 << 16, 0),
        )
        + name
        for name, crc, packed, size in records
    )
    end = struct.pack("<4s4H2LH", END, 0, 0, 1, 1, len(directory), len(body), 0)
    return body + directory + end


def peak(call: Callable[[], object]) -> int:
    """Return the most memory Python held during ``call``, in bytes."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("claimed", [5, 0xFFFFFFF0], ids=["claims 5 bytes", "claims 4 GB"])
def test_ten_gigabyte_bomb_in_bounded_memory(root: Path, claimed: int) -> None:
    data = deflated_zeros(10 * 1024 * MB)
    bomb = handmade([(b"zeros", 0, len(data), claimed)], data, local=b"zeros")

    def refused() -> None:
        with pytest.raises(AwsError, match="Unzipped size must be smaller than 104857600"):
            unpack(bomb, root, limits=PackageLimits(unzipped=100 * MB))

    assert peak(refused) < MB
    assert not list(root.parent.iterdir())


@pytest.mark.thorough
def test_million_entries_in_bounded_memory(root: Path) -> None:
    bomb = handmade([(b"n%06d" % n, 0, 0, 0) for n in range(1_000_000)], b"", local=b"n000000")

    def refused() -> None:
        with pytest.raises(AwsError, match="Could not unzip") as caught:
            unpack(bomb, root, limits=PackageLimits(zipped=100 * MB, entries=10_000))
        assert "10000 entries" in str(caught.value.__cause__)

    assert peak(refused) < MB


def test_entries_that_share_their_bytes_are_refused(root: Path) -> None:
    nothing = b"\x00\x00\x00\xff\xff" * 10_000 + b"\x03\x00"
    bomb = handmade([(b"n%d" % n, 0, len(nothing), 0) for n in range(9)], nothing, local=b"n0")
    with pytest.raises(AwsError) as caught:
        unpack(bomb, root)
    assert "overlap" in str(caught.value.__cause__)


def test_folders_are_counted_too(root: Path) -> None:
    names = ["/".join(f"{n}{d}" for d in range(20)) + "/f" for n in range(20)]
    with pytest.raises(AwsError) as caught:
        unpack(archive(*((n, "x") for n in names)), root, limits=PackageLimits(entries=100))
    assert "folders" in str(caught.value.__cause__)


def test_links_are_bounded(root: Path) -> None:
    with pytest.raises(AwsError) as caught:
        unpack(
            archive(*(link(f"l{n}", "x" * 900) for n in range(20))),
            root,
            limits=PackageLimits(links=9000),
        )
    assert "links" in str(caught.value.__cause__)


def test_the_same_archive_by_many_at_once(root: Path) -> None:
    data = archive(*((entry(f"pkg/m{n}.py"), HANDLER) for n in range(50)))
    with ThreadPoolExecutor(8) as pool:
        results = set(pool.map(lambda _: unpack(data, root), range(16)))
    assert results == {Unpacked(size=50 * len(HANDLER), entries=50)}
    assert [path.name for path in root.parent.iterdir()] == ["code"]
    assert len(list(root.rglob("*.py"))) == 50


def test_machine_at_fault_is_not_the_users_fault(tmp_path: Path) -> None:
    with pytest.raises(DriverFault):
        unpack(GOOD, tmp_path / "missing" / "code")
    with pytest.raises(DriverFault):
        unpack(tmp_path / "missing.zip", tmp_path / "code")


def test_code_sha256() -> None:
    assert code_sha256(b"zip") == base64.b64encode(hashlib.sha256(b"zip").digest()).decode()


def make_folder(folder: Path, names: list[str]) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def test_zip_of_a_folder_depends_on_its_content_only(tmp_path: Path) -> None:
    names = ["app.py", "pkg/mod.py", "node_modules/x/index.js", "a b.txt"]
    make_folder(tmp_path / "one", names)
    make_folder(tmp_path / "two", names[::-1])
    os.utime(tmp_path / "two/app.py", (1, 1))
    make_folder(
        tmp_path / "two",
        [".git/config", "pkg/__pycache__/mod.pyc", ".venv/bin/python", "x.pyc", ".DS_Store"],
    )
    one, two = zip_folder(tmp_path / "one"), zip_folder(tmp_path / "two")
    assert code_sha256(one) == code_sha256(two)
    (tmp_path / "two/app.py").chmod(0o755)
    assert code_sha256(one) != code_sha256(zip_folder(tmp_path / "two"))
    with zipfile.ZipFile(io.BytesIO(one)) as source:
        assert source.namelist() == sorted(names)
    assert b"pkg" not in zip_folder(tmp_path / "one", exclude=["pkg"])


def test_zip_of_a_folder_unpacks_to_the_same(tmp_path: Path) -> None:
    source, copy = tmp_path / "source", tmp_path / "copy"
    make_folder(source, ["app.py", "lib/libx.so.1", "bootstrap"])
    (source / "bootstrap").chmod(0o700)
    (source / "lib/libx.so").symlink_to("libx.so.1")
    os.mkfifo(source / "pipe")
    assert unpack(zip_folder(source), copy).entries == 4
    assert (copy / "bootstrap").stat().st_mode & 0o777 == 0o755
    assert (copy / "lib/libx.so").readlink() == Path("libx.so.1")


def test_folders_that_can_not_be_zipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="not a folder"):
        zip_folder(tmp_path / "missing")
    (tmp_path / "out").symlink_to("/etc/passwd")
    with pytest.raises(ConfigurationError, match="leaves"):
        zip_folder(tmp_path)
    (tmp_path / "out").unlink()
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(PackageLimits().unzipped)
    with pytest.raises(ConfigurationError, match="more than 262144000 bytes"):
        zip_folder(tmp_path)
