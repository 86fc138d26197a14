"""YAML of anybody: as JSON would have it, and never more than fits."""

from __future__ import annotations

import asyncio

import pytest

from emulator.model import plain_yaml

#: Ten lines that stand for a billion values.
BOMB = "a: &a [x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n"
    for old, new in zip("abcdefghi", "bcdefghij", strict=True)
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 2024-01-02", {"a": "2024-01-02"}),
        ("[1, 2.5, true, null]", [1, 2.5, True, None]),
        ("a: &x {b: 1}\nc: *x", {"a": {"b": 1}, "c": {"b": 1}}),
        ("", None),
    ],
)
async def test_plain_data(text: str, value: object) -> None:
    assert await plain_yaml.read(text) == value


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        "a: &a [*a]",
        "a: &a {<<: *a}",
        "[" * 5000,
        "- " * 5000,
        "a: [",
        "!!python/object/apply:os.system [x]",
        "a: !!bool x",
        "a: !!int x",
        "{[1]: 2}",
    ],
)
async def test_what_is_none_or_too_much(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        await plain_yaml.read(text)


async def test_large_texts_are_read_beside_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    beside: list[object] = []

    async def noted(call: object, text: str) -> str:
        beside.append(call)
        return text

    monkeypatch.setattr(asyncio, "to_thread", noted)
    assert await plain_yaml.read("a: 1") == {"a": 1}
    await plain_yaml.read("x" * 20_000)
    assert beside == [plain_yaml.parse]
