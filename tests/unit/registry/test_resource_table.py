"""Names that are alike are found without looking through the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emulator.registry.document_store import DocumentStore
from emulator.registry.resource_table import ResourceTable
from emulator.store.store import Store

AT = ("000000000000", "")


def _table(documents: DocumentStore | None = None) -> ResourceTable:
    return ResourceTable("kind", documents or DocumentStore(), alike=str.lower)


async def test_a_name_is_taken_until_all_that_have_it_are_gone() -> None:
    table = _table()
    for key in ("Name", "NAME", "other"):
        await table.put(*AT, key, {})
    await table.put(*AT, "Name", {"changed": True})
    assert table.is_taken(*AT, "name")
    assert not table.is_taken("111111111111", "", "name")
    await table.delete(*AT, "NAME")
    await table.delete(*AT, "NAME")
    assert table.is_taken(*AT, "name")
    await table.delete_all(*AT, ["Name"])
    assert not table.is_taken(*AT, "name")
    assert table.is_taken(*AT, "OTHER")
    table.clear(AT[0])
    assert not table.is_taken(*AT, "other")


async def test_what_was_kept_is_taken(tmp_path: Path) -> None:
    store = Store.open(tmp_path, durability="off")
    try:
        documents = DocumentStore(store.documents)
        await _table(documents).put(*AT, "Name", {})
        again = _table(documents)
        await again.load()
        assert again.is_taken(*AT, "NAME")
    finally:
        await store.close()


async def test_nothing_is_looked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[str]()

    def alike(key: str) -> str:
        asked.append(key)
        return key.lower()

    table = ResourceTable("kind", DocumentStore(), alike=alike)
    for number in range(100):
        await table.put(*AT, f"name-{number}", {})

    def looked_through(*of: Any) -> Any:
        raise AssertionError("all keys were asked for")

    for each in ("keys", "all"):
        monkeypatch.setattr(ResourceTable, each, looked_through)
    asked.clear()
    assert not table.is_taken(*AT, "name")
    assert asked == ["name"]
