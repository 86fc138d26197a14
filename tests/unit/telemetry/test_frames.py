"""Framed messages within a function's output."""

from __future__ import annotations

import random

import pytest

from emulator.telemetry.frames import FrameReader
from emulator.telemetry.logs import Logs
from emulator.telemetry.writer import EVENT_BYTES
from emulator.testing import FakeClock


def frame(text: bytes, kind: int = 0xA55A0003) -> bytes:
    head = kind.to_bytes(4) + len(text).to_bytes(4)
    return head + (b"" if kind == 0xA55A0001 else bytes(8)) + text


def merged(pieces: list[tuple[bytes, bool]]) -> list[tuple[bytes, bool]]:
    """Join plain text that came in several pieces."""
    found: list[tuple[bytes, bool]] = []
    for data, is_message in pieces:
        if found and not is_message and not found[-1][1]:
            found[-1] = (found[-1][0] + data, False)
        else:
            found.append((data, is_message))
    return found


def events(*chunks: bytes) -> list[str]:
    logs = Logs(FakeClock())
    writer = logs.writer("0" * 12, "us-east-1", "g", "s")
    for chunk in chunks:
        writer.output(chunk)
    writer.flush()
    group = logs.group("0" * 12, "us-east-1", "g")
    return [event.message for event in group.streams["s"].events] if group.streams else []


@pytest.mark.parametrize("kind", [0xA55A0001, 0xA55A0002, 0xA55A0003, 0xA55A0017, 0xA55A001A])
def test_every_type_of_frame(kind: int) -> None:
    assert FrameReader().feed(b"a\n" + frame(b"x\ny", kind) + b"b\n") == [
        (b"a\n", False),
        (b"x\ny", True),
        (b"b\n", False),
    ]


def test_however_the_bytes_are_cut() -> None:
    seed = random.randrange(1 << 32)
    choose = random.Random(seed)
    parts = [
        choose.choice(
            [
                b"text\n",
                "åZ\x00€".encode(),
                b"\xa5\x5a\x00\xff",
                b"\xa5",
                frame(b""),
                frame(b"m\nn"),
            ]
        )
        for _ in range(200)
    ]
    data = b"".join(parts)
    reader, found = FrameReader(), []
    whole = merged(FrameReader().feed(data + b"\n"))
    at = 0
    data += b"\n"
    while at < len(data):
        size = choose.randint(1, 9)
        found += reader.feed(data[at : at + size])
        at += size
    assert merged(found) == whole, f"seed {seed}"
    assert sum(is_message for _, is_message in whole) == sum(
        part.startswith(b"\xa5\x5a\x00\x03") for part in parts
    ), f"seed {seed}"


def test_text_that_began_like_a_frame_is_not_held_back() -> None:
    reader = FrameReader()
    assert reader.feed(b"\xa5") == []
    assert merged(reader.feed(b"\xa5\n")) == [(b"\xa5\xa5\n", False)]


def test_what_only_looks_like_a_frame_is_text() -> None:
    assert FrameReader().feed(b"\xa5\x5a\x00\x03" + b"\xff" * 20) == [
        (b"\xa5\x5a\x00\x03" + b"\xff" * 20, False)
    ]
    assert FrameReader().feed(b"\xa5\x5a\x01\x03 more than a header") == [
        (b"\xa5\x5a\x01\x03 more than a header", False)
    ]


def test_a_message_is_one_event_and_keeps_its_line_feeds() -> None:
    assert events(b"one\ntwo\n" + frame(b"a\nb\n\n") + b"three\n") == [
        "one",
        "two",
        "a\nb\n",
        "three",
    ]


def test_a_message_does_not_end_a_line_that_others_write() -> None:
    assert events(b"begin", frame(b"message"), b" end\n") == ["message", "begin end"]


def test_a_frame_that_is_never_finished_is_shown_all_the_same() -> None:
    assert events(frame(b"killed in the middle")[:-5]) == ["killed in the m"]


def test_a_long_message_is_cut_as_a_long_line_is() -> None:
    assert [len(event) for event in events(frame(b"x" * (EVENT_BYTES + 1)))] == [EVENT_BYTES, 1]
