import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from emulator.store.documents import Change, Document
from emulator.store.store import Store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = Store.open(tmp_path)
    yield store
    await store.close()


async def put(store: Store, kind: str, account: str, region: str, key: str, body: Any) -> None:
    change = Change(kind=kind, account=account, region=region, key=key, body=body)
    await store.documents.write(change)


async def test_documents_are_kept_by_kind_and_key(store: Store) -> None:
    documents = store.documents
    await put(store, "function", "1", "eu-west-1", "b", {"n": 1})
    await put(store, "function", "1", "eu-west-1", "a", {"n": 2})
    await put(store, "alias", "1", "eu-west-1", "a", [1, "ü"])
    await put(store, "function", "1", "eu-west-1", "b", {"n": 3})
    assert await documents.load_all("function") == [
        Document(account="1", region="eu-west-1", key="a", body={"n": 2}),
        Document(account="1", region="eu-west-1", key="b", body={"n": 3}),
    ]
    assert [d.body for d in await documents.load_all("alias")] == [[1, "ü"]]


async def test_deleting_a_document_forgets_it(store: Store) -> None:
    await put(store, "function", "1", "r", "a", {})
    await put(store, "function", "1", "r", "a", None)
    await put(store, "function", "1", "r", "never there", None)
    assert await store.documents.load_all("function") == []


async def test_documents_outlive_the_process(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    await put(store, "function", "1", "r", "a", {"n": 1})
    await store.close()
    store = Store.open(tmp_path)
    assert [d.body for d in await store.documents.load_all("function")] == [{"n": 1}]
    await store.close()


async def test_an_ephemeral_store_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    store = Store.open(None)
    await put(store, "function", "1", "r", "a", {})
    await store.close()
    assert list(tmp_path.iterdir()) == []
