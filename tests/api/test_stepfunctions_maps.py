"""Distributed Maps: readers, batches, writers, tolerated failures, ends from outside, restarts."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.model.errors import StorageError
from emulator.services.stepfunctions import item_reading, map_runs
from emulator.services.stepfunctions.engine import running as engine_running
from emulator.services.stepfunctions.engine.execution import Execution
from emulator.services.stepfunctions.engine.journal import Done, Journal, MapRunRow
from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.api.state_machines import chain, machine, run, start, types, until_over
from tests.patience import until

from .conftest import Running, create


@pytest.fixture(scope="module")
def client(running: Running) -> Iterator[Any]:
    client = running.client("stepfunctions")
    yield client
    client.close()


def mapping(*states: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return a distributed Map over some states."""
    processor = json.loads(chain(*states).replace('"A"', '"I"').replace('"B"', '"J"'))
    processor["ProcessorConfig"] = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    return {"Type": "Map", "Label": "Each", "ItemProcessor": processor, **fields}


def run_of(client: Any, execution: str) -> dict[str, Any]:
    """Return the map run of an execution; wait for it."""
    first, *_ = until(lambda: client.list_map_runs(executionArn=execution)["mapRuns"])
    found: dict[str, Any] = client.describe_map_run(mapRunArn=first["mapRunArn"])
    return found


def test_batches_of_an_object_of_s3_are_written_back(client: Any, running: Running) -> None:
    s3 = running.client("s3")
    s3.create_bucket(Bucket="maps")
    rows = "n,word\n" + "".join(f"{n},w{n}\n" for n in range(5))
    s3.put_object(Bucket="maps", Key="rows.csv", Body=rows.encode())
    each = mapping(
        {"Type": "Pass"},
        ItemReader={
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
            "Parameters": {"Bucket": "maps", "Key": "rows.csv"},
        },
        ItemBatcher={"MaxItemsPerBatch": 2, "BatchInput": {"of": "rows"}},
        ResultWriter={
            "Resource": "arn:aws:states:::s3:putObject",
            "Parameters": {"Bucket": "maps", "Prefix": "results"},
        },
    )
    execution = start(client, machine(client, chain(each)))
    found = json.loads(until_over(client, execution, "SUCCEEDED")["output"])
    shown = run_of(client, execution)
    assert (shown["itemCounts"]["total"], shown["executionCounts"]["total"]) == (5, 3)
    place = found["ResultWriterDetails"]
    manifest = json.loads(s3.get_object(**place)["Body"].read())
    (file,) = manifest["ResultFiles"]["SUCCEEDED"]
    records = json.loads(s3.get_object(Bucket="maps", Key=file["Key"])["Body"].read())
    inputs = [json.loads(record["Input"]) for record in records]
    assert [len(given["Items"]) for given in inputs] == [2, 2, 1]
    assert inputs[0]["BatchInput"] == {"of": "rows"}
    missing = json.loads(json.dumps(each).replace("rows.csv", "none.csv"))
    assert run(client, chain(missing), status="FAILED")["error"] == "States.ItemReaderFailed"
    broken = json.loads(json.dumps(each).replace("rows.csv", "broken.csv.gz"))
    for content in (b"no gzip", gzip.compress(b"n,word")[:-9]):
        s3.put_object(Bucket="maps", Key="broken.csv.gz", Body=content)
        assert run(client, chain(broken), status="FAILED")["error"] == "States.ItemReaderFailed"
    s3.close()


def test_failures_are_tolerated_up_to_a_limit(client: Any) -> None:
    fails = {
        "Type": "Choice",
        "Choices": [{"Variable": "$.bad", "IsPresent": True, "Next": "J"}],
        "Default": "K",
    }
    each = mapping(fails)
    each["ItemProcessor"]["States"] |= {
        "J": {"Type": "Fail", "Error": "Bad"},
        "K": {"Type": "Succeed"},
    }
    items = [{"n": 1}, {"bad": 1}, {"n": 2}]
    found = run(client, chain({**each, "ToleratedFailureCount": 1}), items)
    assert found == [{"n": 1}, {"n": 2}]
    failed = run(client, chain({**each, "ToleratedFailurePercentage": 20}), items, "FAILED")
    assert failed["error"] == "States.ExceedToleratedFailureThreshold"
    caught = {**each, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "B"}]}
    execution = start(client, machine(client, chain(caught, {"Type": "Pass"})), items)
    until_over(client, execution, "SUCCEEDED")
    assert types(client, execution)[4:6] == ["MapRunFailed", "MapStateFailed"]


def test_a_stopped_parent_stops_its_children(client: Any) -> None:
    each = mapping({"Type": "Wait", "Seconds": 900}, MaxConcurrency=2)
    execution = start(client, machine(client, chain(each)), [1, 2, 3])
    shown = run_of(client, execution)
    shown = until(
        lambda: run_of(client, execution), lambda shown: shown["executionCounts"]["running"] >= 2
    )
    assert shown["executionCounts"]["pending"] == 1
    client.update_map_run(mapRunArn=shown["mapRunArn"], maxConcurrency=3)
    shown = until(
        lambda: run_of(client, execution), lambda shown: shown["executionCounts"]["running"] >= 3
    )
    assert shown["maxConcurrency"] == 3
    client.stop_execution(executionArn=execution)
    until(lambda: run_of(client, execution)["status"] != "RUNNING")
    children = client.list_executions(mapRunArn=shown["mapRunArn"])["executions"]
    assert [each["status"] for each in children] == ["ABORTED"] * 3


def test_a_map_that_is_given_up_stops_its_children(client: Any) -> None:
    each = mapping({"Type": "Wait", "Seconds": 900})
    waits = {"StartAt": "M", "States": {"M": {**each, "End": True}}}
    fails = {
        "StartAt": "W",
        "States": {
            "W": {"Type": "Wait", "Seconds": 1, "Next": "F"},
            "F": {"Type": "Fail", "Error": "Bad"},
        },
    }
    both = {
        "Type": "Parallel",
        "Branches": [waits, fails],
        "Catch": [{"ErrorEquals": ["Bad"], "Next": "B"}],
    }
    execution = start(client, machine(client, chain(both, {"Type": "Pass"})), [1, 2])
    shown = run_of(client, execution)
    until_over(client, execution, "SUCCEEDED")
    until(lambda: run_of(client, execution)["status"] != "RUNNING")
    assert run_of(client, execution)["status"] == "ABORTED"
    children = client.list_executions(mapRunArn=shown["mapRunArn"])["executions"]
    assert [child["status"] for child in children] == ["ABORTED"] * 2


def _manifest(*files: str) -> bytes:
    made = {
        "destinationBucket": "arn:aws:s3:::sources",
        "fileSchema": "Bucket, Key, Size",
        "files": [{"key": name} for name in files],
    }
    return json.dumps(made).encode()


@pytest.mark.parametrize(
    ("content", "config", "found"),
    [
        (b'[1, {"a": 2}]', {"InputType": "JSON"}, [1, {"a": 2}]),
        (b'{"a": {"b": [1, 2, 3]}}', {"InputType": "JSON", "ItemsPointer": "/a/b"}, [1, 2, 3]),
        (b'{"a": 1}\n\n[2]\n', {"InputType": "JSONL"}, [{"a": 1}, [2]]),
        (gzip.compress(b"[1, 2]", mtime=0), {"InputType": "JSON"}, [1, 2]),
        (
            "\ufeffa|b\n1|é\n2\n".encode(),
            {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW", "CSVDelimiter": "PIPE"},
            [{"a": "1", "b": "é"}, {"a": "2", "b": ""}],
        ),
        (
            b'"x,y","say ""so"""\n',
            {"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["a", "b"]},
            [{"a": "x,y", "b": 'say "so"'}],
        ),
        (
            b"a\n1\n2\n3\n",
            {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW", "MaxItems": 2},
            [{"a": "1"}, {"a": "2"}],
        ),
        (
            _manifest("one.csv.gz", "two.csv"),
            {"InputType": "MANIFEST", "MaxItems": 3},
            [
                {"Bucket": "b", "Key": "k1", "Size": "1"},
                {"Bucket": "b", "Key": "k2", "Size": "2"},
                {"Bucket": "b", "Key": "k3", "Size": "3"},
            ],
        ),
    ],
)
def test_items_are_read_from_objects(
    client: Any, running: Running, content: bytes, config: dict[str, Any], found: Any
) -> None:
    s3 = running.client("s3")
    s3.create_bucket(Bucket="sources")
    key = f"items{'.gz' if content.startswith(bytes([31, 139])) else ''}"
    s3.put_object(Bucket="sources", Key=key, Body=content)
    s3.put_object(Bucket="sources", Key="one.csv.gz", Body=gzip.compress(b'"b","k1","1"\n'))
    s3.put_object(Bucket="sources", Key="two.csv", Body=b"b,k2,2\nb,k3,3\nb,k4,4\n")
    s3.close()
    reader = {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": config,
        "Parameters": {"Bucket": "sources", "Key": key},
    }
    assert run(client, chain(mapping({"Type": "Pass"}, ItemReader=reader))) == found


@pytest.mark.parametrize(
    ("key", "kind", "cause"),
    [
        ("absent", "JSON", "The specified key does not exist."),
        ("broken", "JSON", "not valid JSON"),
        ("broken", "JSONL", "not valid JSON"),
        ("broken", "PARQUET", "does not read files of the type PARQUET"),
        ("broken", "MANIFEST", "Attempting to parse the object failed"),
        ("broken.gz", "JSON", "Attempting to parse the object failed"),
    ],
)
def test_what_can_not_be_read_fails_the_map(
    client: Any, running: Running, key: str, kind: str, cause: str
) -> None:
    s3 = running.client("s3")
    s3.create_bucket(Bucket="broken")
    for name in ("broken", "broken.gz"):
        s3.put_object(Bucket="broken", Key=name, Body=b"{nothing")
    s3.close()
    reader = {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": kind},
        "Parameters": {"Bucket": "broken", "Key": key},
    }
    failed = run(client, chain(mapping({"Type": "Pass"}, ItemReader=reader)), status="FAILED")
    assert failed["error"] == "States.ItemReaderFailed"
    assert cause in failed["cause"]


@pytest.mark.parametrize("packed", [False, True])
def test_no_more_is_read_than_fits(
    client: Any, running: Running, monkeypatch: pytest.MonkeyPatch, packed: bool
) -> None:
    """A few bytes of gzip may stand for more than the memory has."""
    monkeypatch.setattr(item_reading, "_LARGEST", 1000)
    content = b"[" + b" " * 2000 + b"]"
    s3 = running.client("s3")
    s3.create_bucket(Bucket="large")
    s3.put_object(Bucket="large", Key="a.gz", Body=gzip.compress(content))
    s3.put_object(Bucket="large", Key="a", Body=content)
    s3.close()
    reader = {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": "JSON"},
        "Parameters": {"Bucket": "large", "Key": "a.gz" if packed else "a"},
    }
    failed = run(client, chain(mapping({"Type": "Pass"}, ItemReader=reader)), status="FAILED")
    assert failed["error"] == "States.ItemReaderFailed"
    assert "more than 1000 bytes" in failed["cause"]


def test_items_are_the_objects_of_a_bucket(client: Any, running: Running) -> None:
    s3 = running.client("s3")
    s3.create_bucket(Bucket="listed")
    for name in ("in/a", "in/b", "in/c", "out/d"):
        s3.put_object(Bucket="listed", Key=name, Body=b"12")
    s3.close()
    reader = {
        "Resource": "arn:aws:states:::s3:listObjectsV2",
        "Parameters": {"Bucket": "listed", "Prefix": "in/", "MaxKeys": 1},
    }
    found = run(client, chain(mapping({"Type": "Pass"}, ItemReader=reader)))
    assert [(each["Key"], each["Size"]) for each in found] == [
        ("in/a", 2),
        ("in/b", 2),
        ("in/c", 2),
    ]
    assert {"Etag", "LastModified", "StorageClass"} <= found[0].keys()
    most = {**reader, "ReaderConfig": {"MaxItems": 2}}
    assert len(run(client, chain(mapping({"Type": "Pass"}, ItemReader=most)))) == 2


def test_a_child_waits_for_a_disk_that_does_not_take_it(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = Journal.commit
    refused: list[int] = []

    def refuse_once(self: Journal, execution: Execution, done: Done) -> None:
        if execution.item == 1 and not refused:
            refused.append(execution.id)
            loop = asyncio.get_running_loop()
            loop.call_soon(done, None, StorageError("the disk is full"))
        else:
            commit(self, execution, done)

    monkeypatch.setattr(Journal, "commit", refuse_once)
    monkeypatch.setattr(map_runs, "RETRY_COMMIT_S", 0.01)
    found = run(client, chain(mapping({"Type": "Pass"})), ["a", "b", "c"])
    assert (found, len(refused)) == (["a", "b", "c"], 1)


def test_a_map_run_waits_for_a_disk_that_does_not_take_it(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = Journal.put_map_run
    refused: list[str] = []

    async def refuse_once(self: Journal, row: MapRunRow, items: bytes | None = None) -> None:
        if len(refused) < 1 or (items is None and len(refused) < 2):
            refused.append(row.status)
            raise StorageError("the disk is full")
        await put(self, row, items)

    monkeypatch.setattr(Journal, "put_map_run", refuse_once)
    monkeypatch.setattr(engine_running, "RETRY_COMMIT_S", 0.01)
    assert run(client, chain(mapping({"Type": "Pass"})), ["a", "b"]) == ["a", "b"]
    assert refused == ["RUNNING", "SUCCEEDED"]


def test_a_bug_in_a_map_run_ends_its_execution(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(map_runs, "transformed", broken)
    execution = start(client, machine(client, chain(mapping({"Type": "Pass"}))), ["a"])
    failed = until_over(client, execution, "FAILED")
    assert (failed["error"], failed["cause"]) == ("States.Runtime", "ZeroDivisionError: a bug")
    assert run_of(client, execution)["status"] == "FAILED"


@pytest.mark.slow
def test_a_map_goes_on_after_a_restart(tmp_path: Path) -> None:
    settings = Settings(port=0, state=tmp_path / "state", transition_seconds=0)
    first = Running(settings, driver=ScriptedDriver())
    client = first.client("stepfunctions")
    each = mapping({"Type": "Wait", "Seconds": 1}, {"Type": "Pass"}, MaxConcurrency=2)
    execution = start(client, machine(client, chain(each)), [1, 2, 3, 4])
    run_of(client, execution)
    client.close()
    first.stop()
    second = Running(settings, driver=ScriptedDriver())
    client = second.client("stepfunctions")
    assert json.loads(until_over(client, execution, "SUCCEEDED")["output"]) == [1, 2, 3, 4]
    shown = run_of(client, execution)
    assert shown["executionCounts"]["succeeded"] == shown["executionCounts"]["total"] == 4
    client.close()
    second.stop()


@pytest.mark.slow
def test_a_redrive_goes_on_after_a_restart(tmp_path: Path) -> None:
    settings = Settings(port=0, state=tmp_path / "state", transition_seconds=0)
    first = Running(settings, driver=ScriptedDriver())
    client = first.client("stepfunctions")
    task = {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:000000000000:function:late"}
    each = mapping(task, {"Type": "Wait", "Seconds": 2}, MaxConcurrency=1)
    each["ToleratedFailurePercentage"] = 99
    # A failure that is not tolerated ends the Map; that of the function's absence is.
    each["ToleratedFailureCount"] = 2
    waits = {"Type": "Fail", "Error": "After"}
    execution = start(client, machine(client, chain(each, waits)), [1, 2, 3])
    until_over(client, execution, "FAILED")
    functions = first.client("lambda")
    create(functions, "late")
    client.redrive_execution(executionArn=execution)
    until(lambda: run_of(client, execution)["executionCounts"]["running"] == 1)
    functions.close()
    client.close()
    first.stop()
    second = Running(settings, driver=ScriptedDriver())
    client = second.client("stepfunctions")
    until_over(client, execution, "FAILED")
    shown = run_of(client, execution)
    assert shown["executionCounts"]["succeeded"] == 3
    client.close()
    second.stop()


def test_a_redrive_tries_failed_children_again(client: Any, running: Running) -> None:
    functions = running.client("lambda")
    task = {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:000000000000:function:later"}
    only = {
        "Type": "Choice",
        "Choices": [{"Variable": "$", "NumericEquals": 2, "Next": "J"}],
        "Default": "K",
    }
    each = mapping(only)
    each["ItemProcessor"]["States"] |= {"J": {**task, "End": True}, "K": {"Type": "Succeed"}}
    execution = start(client, machine(client, chain(each)), [1, 2, 3])
    until_over(client, execution, "FAILED")
    create(functions, "later")
    client.redrive_execution(executionArn=execution)
    assert json.loads(until_over(client, execution, "SUCCEEDED")["output"]) == [1, 2, 3]
    shown = run_of(client, execution)
    assert (shown["redriveCount"], shown["executionCounts"]["succeeded"]) == (1, 3)
    assert "MapRunRedriven" in types(client, execution)
    children = client.list_executions(mapRunArn=shown["mapRunArn"])["executions"]
    assert sorted(child["redriveCount"] for child in children) == [0, 0, 1]
    functions.close()
