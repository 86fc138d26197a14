"""Functions go into the store's documents and come back as they were."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from emulator.model.errors import AwsError, StorageFull
from emulator.model.function import Code, FunctionVersion, LayerVersion
from emulator.model.sandbox import ImageConfig
from emulator.registry import records
from emulator.registry.attachments import Attachments, ResourcePolicy
from emulator.registry.document_store import DocumentStore
from emulator.registry.function import Alias, Function
from emulator.registry.functions import Registry
from emulator.registry.loading import load
from emulator.registry.resource_table import ResourceTable
from emulator.store.documents import Change, Documents
from emulator.store.store import Store

_FOLDER = Path("/state/code")


def _version(**fields: Any) -> FunctionVersion:
    layer = Code(sha256="l", size=1, folder=_FOLDER / "layer", unpacked_size=2)
    return FunctionVersion(
        account="000000000000",
        region="us-east-1",
        name="hello",
        code=Code(sha256="c", size=3, folder=_FOLDER / "code", unpacked_size=4),
        runtime="python3.12",
        handler="app.handler",
        environment={"A": "1"},
        layers=(LayerVersion(arn="arn", code=layer),),
        image_config=ImageConfig(command=("a", "b")),
        settings={"Role": "role"},
        revision_id="r",
        **fields,
    )


def _function() -> Function:
    return Function(
        latest=_version(generation=3),
        versions={"1": _version(version="1")},
        aliases={"live": Alias(name="live", function_version="1", weights={"2": 0.5})},
        next_version=4,
        published=("3", "fingerprint"),
        reserved_concurrency=5,
        tags={"k": "v"},
        attached=Attachments(policies={"$LATEST": ResourcePolicy(policy="{}", revision_id="p")}),
    )


def test_a_version_round_trip() -> None:
    version = _version(version="7", generation=2, state="Failed", state_reason="why")
    document = orjson.loads(orjson.dumps(records.of_version(version)))
    assert records.to_version(document, _FOLDER) == version


def test_the_folder_of_code_may_move() -> None:
    document = records.of_version(_version())
    moved = records.to_version(document, Path("/elsewhere"))
    assert moved.code.folder == Path("/elsewhere/code")
    assert moved.layers[0].code.folder == Path("/elsewhere/layer")


def test_a_transition_is_kept_as_ended() -> None:
    function = _function()
    function.settling["$LATEST"] = function.latest
    function.latest = replace(function.latest, state="Pending", revision_id="passing")
    assert (
        records.to_function(records.of_function(function), _FOLDER).latest
        == (function.settling["$LATEST"])
    )


async def test_a_registry_is_loaded_as_it_was_saved(tmp_path: Path) -> None:
    store = Store.open(tmp_path, durability="off")
    try:
        documents = DocumentStore(store.documents)
        registry, function = Registry(documents), _function()
        function.versions |= {n: _version(version=n) for n in ("2", "10")}
        registry.add(function)
        await registry.save(function, "1", "2", "10")
        await registry.delete_version(function, "2")
        await registry.layers.put("000000000000", "us-east-1", "layer", {"versions": {}})
        again = Registry(documents)
        codes = await load(again, documents, _FOLDER)
        assert again.all() == [function]
        assert list(again.all()[0].versions) == ["1", "10"]
        assert again.set_aside("000000000000", "us-east-1") == 5
        assert again.layers.keys("000000000000", "us-east-1") == ["layer"]
        assert {code.sha256 for code in codes} == {"c", "l"}
        await again.delete(again.all()[0])
        empty = Registry(documents)
        await load(empty, documents, _FOLDER)
        assert empty.all() == []
    finally:
        await store.close()


async def test_several_changes_are_made_together(tmp_path: Path) -> None:
    store = Store.open(tmp_path, durability="off")
    try:
        at = {"kind": "k", "account": "a", "region": "r"}
        await store.documents.write(
            Change(**at, key="1", body={"n": 1}), Change(**at, key="2", body={"n": 2})
        )
        await store.documents.write(
            Change(**at, key="1", body=None), Change(**at, key="2", body={"n": 3})
        )
        found = await store.documents.load_all("k")
        assert [(document.key, document.body) for document in found] == [("2", {"n": 3})]
    finally:
        await store.close()


class Full(Documents):
    """Documents on a disk without room."""

    def __init__(self) -> None: ...

    async def write(self, *changes: Any) -> None:
        raise StorageFull("disk full")


async def test_a_full_disk_is_an_error_of_the_service() -> None:
    registry = Registry(DocumentStore(Full()))
    function = _function()
    registry.add(function)
    with pytest.raises(AwsError, match="was not kept") as raised:
        await registry.save(function)
    assert (raised.value.code, registry.all()) == ("ServiceException", [function])


async def test_what_a_full_disk_does_not_let_go_is_still_there() -> None:
    registry = Registry(DocumentStore(Full()))
    retired: list[str] = []
    registry.on_retired.append(lambda version, reason: retired.append(version.version))
    function = _function()
    versions = list(function.versions)
    assert versions
    registry.add(function)
    with pytest.raises(AwsError, match="was not kept"):
        await registry.delete_version(function, versions[0])
    with pytest.raises(AwsError, match="was not kept"):
        await registry.delete(function)
    assert registry.all() == [function]
    assert list(function.versions) == versions
    at = (function.latest.account, function.latest.region)
    assert registry.names(*at) == [function.name]
    registry.layers._set(*at, "layer", {"a": 1})
    with pytest.raises(AwsError, match="was not kept"):
        await registry.layers.delete(*at, "layer")
    assert registry.layers.find(*at, "layer") == {"a": 1}
    assert not retired


async def test_functions_of_a_live_folder_are_not_kept() -> None:
    class Never(Documents):
        def __init__(self) -> None: ...

        async def write(self, *changes: Any) -> None:
            raise AssertionError("kept")

    registry = Registry(DocumentStore(Never()))
    function = _function()
    function.latest = replace(function.latest, code=replace(function.latest.code, live=True))
    function.declared = True
    registry.add(function)
    await registry.save(function)


def test_code_that_is_followed_is_found_again(tmp_path: Path) -> None:
    for code in (
        Code(sha256="a", size=1, folder=Path("/home/me/app"), live=True),
        Code(sha256="b", size=1, folder=tmp_path / "b", archive=Path("/home/me/app.zip")),
    ):
        assert records.to_code(records.of_code(code), tmp_path) == code


async def test_a_resource_that_the_disk_does_not_take_is_as_before() -> None:
    table = ResourceTable("kind", DocumentStore(Full()))
    at = ("000000000000", "us-east-1", "key")
    with pytest.raises(AwsError, match="was not kept"):
        await table.put(*at, {"new": 1})
    assert table.find(*at) is None
    assert table.keys(*at[:2]) == []
    table._set(*at, {"old": 1})
    with pytest.raises(AwsError, match="was not kept"):
        await table.put(*at, {"new": 1})
    assert table.find(*at) == {"old": 1}


async def test_one_that_is_served_no_more_takes_no_other_with_it() -> None:
    retired: list[FunctionVersion] = []
    registry = Registry(on_retired=[lambda version, reason: retired.append(version)])
    first, second = _function(), _function()
    latest = second.latest
    registry.add(first)
    await registry.delete(first)
    registry.add(second)
    retired.clear()
    registry.remove(first)
    assert registry.find(latest.account, latest.region, latest.name) is second
    assert retired == []
    registry.remove(second)
    assert registry.all() == []
    assert latest in retired
