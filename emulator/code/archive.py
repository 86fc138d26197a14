"""Reads untrusted zip archives: in bounded memory, without trusting their headers.

The standard library's ``zipfile`` builds an object per entry before a caller can count them
(a 50 MB archive may hold a million), so the directory is walked here, one record at a time.
Format: PKWARE's APPNOTE.TXT, sections 4.3 and 4.5.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

_END = struct.Struct("<4s4H2LH")
_END_64_LOCATOR = struct.Struct("<4sLQL")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_CENTRAL = struct.Struct("<4s2B5H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")

_ENCRYPTED = 0x1 | 0x40 | 0x2000
_UTF8 = 0x800
_STORED, _DEFLATED = 0, 8
#: Systems whose external attributes carry a Unix mode: Unix and macOS.
_UNIX = (3, 19)
_BLOCK = 1 << 16


class BadArchive(Exception):
    """The bytes are not a zip archive, or a damaged or unsupported one."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One record of the central directory. Its claims may be false; only ``contents`` is true."""

    name: str
    #: The Unix mode with its file type; 0 when the archive carries none.
    mode: int
    #: Claimed size in bytes, inflated.
    size: int
    compressed_size: int
    crc: int
    flags: int
    method: int
    #: Where the local header stands in the archive.
    offset: int
    raw_name: bytes


class Archive:
    """A zip archive in memory or mapped into it."""

    def __init__(self, data: memoryview) -> None:
        """Find the central directory of ``data``.

        Raises:
            BadArchive: There is none.
        """
        self._data = data
        #: Bytes of the archive itself.
        self.size = len(data)
        self._start, self._end, self._shift = _directory(data)

    def entries(self) -> Iterator[Entry]:
        """Yield the records of the central directory in order, keeping none.

        Raises:
            BadArchive: The directory is damaged.
        """
        at = self._start
        while at < self._end:
            fields = _unpack(_CENTRAL, self._data, at, b"PK\x01\x02")
            system, flags, method = fields[2], fields[4], fields[5]
            crc, compressed, size, name_length, extra_length, comment_length = fields[8:14]
            attributes, offset = fields[16:18]
            name_at = at + _CENTRAL.size
            extra_at = name_at + name_length
            at = extra_at + extra_length + comment_length
            if at > self._end:
                raise BadArchive("the directory is cut short")
            raw_name = bytes(self._data[name_at:extra_at])
            if 0xFFFFFFFF in (size, compressed, offset):
                extra = bytes(self._data[extra_at : extra_at + extra_length])
                size, compressed, offset = _wide(extra, size, compressed, offset)
            yield Entry(
                name=_decode(raw_name, flags),
                mode=attributes >> 16 if system in _UNIX else 0,
                size=size,
                compressed_size=compressed,
                crc=crc,
                flags=flags,
                method=method,
                offset=offset + self._shift,
                raw_name=raw_name,
            )

    def contents(self, entry: Entry) -> Iterator[bytes]:
        """Yield what ``entry`` really holds in blocks of at most 64 KB.

        The caller counts what comes and stops when it is too much.

        Raises:
            BadArchive: Encrypted, an unknown method, cut short, or not what the header claims
                (size, checksum); found out at the latest after the last block.
        """
        if entry.flags & _ENCRYPTED:
            raise BadArchive(f"{entry.name!r} is encrypted")
        header = _unpack(_LOCAL, self._data, entry.offset, b"PK\x03\x04")
        name_at = entry.offset + _LOCAL.size
        start = name_at + header[9] + header[10]
        if bytes(self._data[name_at : name_at + header[9]]) != entry.raw_name:
            raise BadArchive(f"{entry.name!r} has another name in its own header")
        if start + entry.compressed_size > len(self._data):
            raise BadArchive(f"{entry.name!r} is cut short")
        raw = self._data[start : start + entry.compressed_size]
        blocks: Iterator[bytes]
        if entry.method == _STORED:
            blocks = (bytes(raw[at : at + _BLOCK]) for at in range(0, len(raw), _BLOCK))
        elif entry.method == _DEFLATED:
            blocks = _inflate(raw, entry.name)
        else:
            raise BadArchive(f"{entry.name!r} is compressed with method {entry.method}")
        size = crc = 0
        for block in blocks:
            size += len(block)
            crc = zlib.crc32(block, crc)
            yield block
        if (size, crc) != (entry.size, entry.crc):
            raise BadArchive(f"{entry.name!r} is not what its header claims")


def _inflate(raw: memoryview, name: str) -> Iterator[bytes]:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for at in range(0, len(raw), _BLOCK):
            piece: bytes | memoryview = raw[at : at + _BLOCK]
            while not inflater.eof:
                block = inflater.decompress(piece, _BLOCK)
                if block:
                    yield block
                piece = inflater.unconsumed_tail
                if not piece and len(block) < _BLOCK:
                    break
    except zlib.error as error:
        raise BadArchive(f"{name!r} can't be inflated: {error}") from None
    if not inflater.eof:
        raise BadArchive(f"{name!r} is cut short")


def _directory(data: memoryview) -> tuple[int, int, int]:
    """Return where the central directory starts and ends, and what to add to its offsets."""
    base = max(0, len(data) - _END.size - 0xFFFF)
    found = bytes(data[base:]).rfind(b"PK\x05\x06")
    if found < 0:
        raise BadArchive("there is no zip directory")
    end = base + found
    _, disk, _, _, _, size, offset, _ = _unpack(_END, data, end, b"PK\x05\x06")
    locator = end - _END_64_LOCATOR.size
    if locator >= 0 and bytes(data[locator : locator + 4]) == b"PK\x06\x07":
        end = locator - _END_64.size
        wide = _unpack(_END_64, data, end, b"PK\x06\x06")
        size, offset = wide[8:10]
    if disk not in (0, 0xFFFF):
        raise BadArchive("it is one part of several")
    # Bytes before the archive (a self-extracting stub) shift every offset.
    shift = end - size - offset
    if shift < 0:
        raise BadArchive("the directory is cut short")
    return end - size, end, shift


def _unpack(shape: struct.Struct, data: memoryview, at: int, signature: bytes) -> tuple[int, ...]:
    if at < 0 or at + shape.size > len(data) or bytes(data[at : at + 4]) != signature:
        raise BadArchive(f"no {signature!r} record where one should be")
    return shape.unpack_from(data, at)


def _wide(extra: bytes, *values: int) -> list[int]:
    """Replace each value of 0xFFFFFFFF by its 64-bit one from the Zip64 extra field."""
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<2H", extra)
        if kind == 1:
            field = extra[4 : 4 + length]
            wide = iter(struct.unpack(f"<{len(field) // 8}Q", field[: len(field) // 8 * 8]))
            try:
                return [next(wide) if value == 0xFFFFFFFF else value for value in values]
            except StopIteration:
                break
        extra = extra[4 + length :]
    raise BadArchive("a Zip64 field is missing")


def _decode(name: bytes, flags: int) -> str:
    """Decode a name: archives made on Linux often hold UTF-8 without saying so."""
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError:
        if flags & _UTF8:
            raise BadArchive(f"the name {name!r} is not UTF-8") from None
        return name.decode("cp437")
