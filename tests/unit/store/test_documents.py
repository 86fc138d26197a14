import tempfile

import pytest

from emulator.store.documents import Document
from emulator.store.store import Store


@pytest.fixture
async def store(tmp_path):
    store = Store.open(tmp_path)
    yield store
    await store.close()


async def test_documents_are_kept_by_kind_and_key(store):
    documents = store.documents
    await documents.put("function", "1", "eu-west-1", "b", {"n": 1})
    await documents.put("function", "1", "eu-west-1", "a", {"n": 2})
    await documents.put("alias", "1", "eu-west-1", "a", [1, "ü"])
    await documents.put("function", "1", "eu-west-1", "b", {"n": 3})
    assert await documents.load_all("function") == [
        Document(account="1", region="eu-west-1", key="a", body={"n": 2}),
        Document(account="1", region="eu-west-1", key="b", body={"n": 3}),
    ]
    assert [d.body for d in await documents.load_all("alias")] == [[1, "ü"]]


async def test_deleting_a_document_forgets_it(store):
    await store.documents.put("function", "1", "r", "a", {})
    await store.documents.delete("function", "1", "r", "a")
    await store.documents.delete("function", "1", "r", "never there")
    assert await store.documents.load_all("function") == []


async def test_documents_outlive_the_process(tmp_path):
    store = Store.open(tmp_path)
    await store.documents.put("function", "1", "r", "a", {"n": 1})
    await store.close()
    store = Store.open(tmp_path)
    assert [d.body for d in await store.documents.load_all("function")] == [{"n": 1}]
    await store.close()


async def test_an_ephemeral_store_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    store = Store.open(None)
    await store.documents.put("function", "1", "r", "a", {})
    await store.close()
    assert list(tmp_path.iterdir()) == []
