"""The timeline over HTTP, as docs/timeline.md has it."""

from __future__ import annotations

import http.client
import json
import re
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from emulator.settings import Settings
from emulator.testing import RuntimeClient, ScriptedDriver, echo
from tests.patience import PATIENCE_S

from .conftest import Running, create
from .test_admin import ask, get


def invoke(running: Running, name: str, payload: bytes = b"{}") -> Any:
    return running.client("lambda").invoke(FunctionName=name, Payload=payload)


@pytest.fixture
def called(running: Running) -> Running:
    """Two calls of the function "called": a cold one and a warm one."""
    client = running.client("lambda")
    if not get(running, "functions?function=called"):
        create(client, "called")
        invoke(running, "called", b'{"find": "needle"}')
        invoke(running, "called", b'{"find": "nothing"}')
    return running


def test_an_environment_and_its_calls_in_one_document(called: Running) -> None:
    document = get(called, "timeline?function=called")
    assert document["format"] == "localfaas-timeline/1"
    assert document["dropped"] == 0
    assert document["known_from"] < document["now"]
    (environment,) = document["environments"]
    cold, warm = document["invocations"]
    assert [phase["name"] for phase in environment["phases"]] == ["code", "boot", "init"]
    assert all(phase["end"] >= phase["start"] for phase in environment["phases"])
    assert environment["state"] == "idle"
    assert environment["invokes"] == 2
    assert environment["why"] == {"cause": "first call", "sentence": "it is the first call"}
    assert environment["requested_by"] == cold["request_id"]
    assert environment["init_ms"] == cold["init_ms"] > 0
    assert cold["environment"] == warm["environment"] == environment["id"]
    assert (cold["cold"], warm["cold"], warm["why"]) == (True, False, None)
    assert cold["why"]["cause"] == "first call"
    assert [phase["name"] for phase in cold["phases"]] == ["code", "boot", "init", "invoke"]
    assert [phase["name"] for phase in warm["phases"]] == ["invoke"]
    assert cold["requested"] <= cold["started"] <= cold["ended"] <= document["now"]
    assert cold["waited_ms"] == pytest.approx((cold["started"] - cold["requested"]) * 1000)
    assert cold["waited_ms"] >= cold["init_ms"]
    assert warm["id"] > cold["id"]
    assert cold["cost_usd"] > 2e-7  # a request, and time
    assert (cold["status"], cold["event_bytes"], cold["answer_bytes"]) == ("success", 18, 18)


def test_what_the_pools_keep_to(called: Running) -> None:
    pool = get(called, "timeline?function=called")["pool"]
    assert (pool["idle_timeout_s"], pool["max_environments"]) == (300.0, 256)
    assert (pool["account_concurrency"], pool["freeze"]) == (1000, False)
    facts = pool["functions"]["arn:aws:lambda:us-east-1:000000000000:function:called:$LATEST"]
    assert facts.pop("code_mb") >= 0
    assert facts == {
        "runtime": "python3.12",
        "package": "zip",
        "memory_mb": 128,
        "architecture": "x86_64",
        "provisioned": 0,
        "reserved": None,
    }


def test_every_filter(called: Running) -> None:
    def ids(query: str, name: str = "called") -> list[int]:
        found = get(called, f"invocations?function={name}&{query}")["invocations"]
        assert found == get(called, f"timeline?function={name}&{query}")["invocations"][::-1]
        return [each["id"] for each in found]

    warm, cold = ids("")
    (environment,) = get(called, "timeline?function=called")["environments"]
    assert ids("cold=true") == [cold]
    assert ids("cold=false") == [warm]
    assert ids("failed=true") == []
    assert ids("failed=false") == [warm, cold]
    assert ids("version=$LATEST") == [warm, cold]
    assert ids("version=1") == []
    assert ids(f"environment={environment['id']}") == [warm, cold]
    assert ids("environment=none") == []
    assert ids("slow=100000") == []
    assert ids("slow=0") == [warm, cold]
    assert ids("text=NEEDLE") == [cold]
    assert ids("since=-3600") == [warm, cold]
    assert ids("until=-3600") == []
    assert ids("", "nobody") == []
    assert ids("function=nobody") == [warm, cold]
    assert ids(f"before={warm}") == [cold]
    first = get(called, "invocations?function=called&limit=1")
    assert [each["id"] for each in first["invocations"]] == [warm]
    assert first["next"] == warm
    document = get(called, "timeline?function=called&limit=1")
    assert [each["id"] for each in document["invocations"]] == [warm]
    assert document["next"] == warm
    for wrong in ("limit=0", "limit=x", "slow=-1", "cold=perhaps", "since=yesterday"):
        assert ask(called, f"/_emulator/invocations?{wrong}")[0] == 422


def test_the_summary_counts_all_that_pass(called: Running) -> None:
    summary = get(called, "invocations?function=called&limit=1")["summary"]
    assert (summary["count"], summary["cold"], summary["failed"]) == (2, 1, 0)
    assert summary["causes"] == {"first call": 1}
    assert summary["cold_ms"] > 0
    assert summary["p50_ms"] <= summary["p99_ms"]
    assert summary["cost_usd"] > 4e-7


def test_one_invocation_with_its_event_answer_and_log(called: Running) -> None:
    listed = get(called, "invocations?function=called&cold=true")["invocations"][0]
    for name in (listed["request_id"], listed["id"]):
        found = get(called, f"invocations/{name}")
        assert found["invocation"] == listed
        assert found["attempts"] == [listed["id"]]
        assert found["environment"]["id"] == listed["environment"]
        assert found["event"] == found["answer"] == '{"find": "needle"}'
        assert not found["event_cut"]
        assert not found["answer_cut"]
        messages = [line["message"] for line in found["log"]]
        assert messages[0].startswith("INIT_START")
        assert messages[1].startswith(f"START RequestId: {listed['request_id']}")
        assert messages[-1].startswith(f"REPORT RequestId: {listed['request_id']}")
    status, _, body = ask(called, f"/_emulator/invocations/{quote('no such')}")
    assert status == 404
    assert "no such" in json.loads(body)["detail"]


def test_a_large_event_is_cut(running: Running) -> None:
    create(running.client("lambda"), "large")
    payload = json.dumps({"text": "x" * 100_000}).encode()
    invoke(running, "large", payload)
    (listed,) = get(running, "invocations?function=large")["invocations"]
    found = get(running, f"invocations/{listed['id']}")
    assert found["event_cut"]
    assert found["answer_cut"]
    assert found["event"] == payload[: 64 * 1024].decode()
    assert listed["event_bytes"] == len(payload)


def test_a_throttled_call_has_no_environment(running: Running) -> None:
    client = running.client("lambda")
    create(client, "shut")
    client.put_function_concurrency(FunctionName="shut", ReservedConcurrentExecutions=0)
    with pytest.raises(client.exceptions.TooManyRequestsException):
        invoke(running, "shut", b'{"a": 1}')
    document = get(running, "timeline?function=shut&failed=true")
    assert document["environments"] == []
    (refused,) = document["invocations"]
    assert (refused["status"], refused["error_type"]) == ("throttled", "TooManyRequestsException")
    assert refused["reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert refused["environment"] is refused["started"] is None
    assert refused["cost_usd"] == 0
    assert get(running, f"invocations/{refused['id']}")["event"] == '{"a": 1}'


class Stream:
    """Server-sent events, read one by one."""

    def __init__(self, running: Running, query: str = "", headers: dict[str, str] | None = None):
        self._connection = http.client.HTTPConnection(
            "127.0.0.1", running.emulator.port, timeout=PATIENCE_S
        )
        self._connection.request(
            "GET", f"/_emulator/timeline/follow?{query}", headers=headers or {}
        )
        self.response = self._connection.getresponse()
        assert self.response.getheader("content-type", "").startswith("text/event-stream")
        assert self.response.readline() == b"retry: 1000\n"

    def next(self) -> tuple[str, str, Any]:
        """Return the type, id and data of the next event."""
        fields: dict[str, str] = {}
        end = time.monotonic() + PATIENCE_S
        while True:
            line = self.response.readline().decode().rstrip("\n")
            if line.startswith(": "):  # nothing has come for a while
                assert time.monotonic() < end, "nothing came"
                continue
            if not line and "data" in fields:
                return fields["event"], fields["id"], json.loads(fields["data"])
            name, _, value = line.partition(": ")
            fields[name] = value

    def until_invocations(self, count: int) -> list[Any]:
        """Return the invocations of the next events, once there are ``count``."""
        found: list[Any] = []
        while len(found) < count:
            found += self.next()[2]["invocations"]
        return found

    def close(self) -> None:
        self._connection.close()


def test_following_and_going_on_where_it_broke(running: Running) -> None:
    create(running.client("lambda"), "followed")
    stream = Stream(running, "function=followed")
    invoke(running, "followed")
    kind, cursor, data = stream.next()
    while not data["invocations"]:
        kind, cursor, data = stream.next()
    assert kind == "changes"
    assert cursor == data["cursor"]
    (cold,) = data["invocations"]
    assert cold["cold"]
    stream.close()
    for _ in range(3):
        invoke(running, "followed")
    again = Stream(running, "function=followed", {"last-event-id": cursor})
    ids = [each["id"] for each in again.until_invocations(3)]
    again.close()
    assert ids == [
        each["id"] for each in get(running, "timeline?function=followed&cold=false")["invocations"]
    ]
    by_parameter = Stream(running, f"function=followed&cursor={cursor}")
    assert [each["id"] for each in by_parameter.until_invocations(3)] == ids
    by_parameter.close()


@pytest.mark.parametrize("cursor", ["another-7", "nonsense", "x", "-", "99999999999"])
def test_a_cursor_of_another_timeline_begins_anew(called: Running, cursor: str) -> None:
    stream = Stream(called, f"cursor={cursor}")
    kind, _, data = stream.next()
    stream.close()
    assert kind == "reset"
    assert data["known_from"] == get(called, "timeline")["known_from"]


def test_what_runs_is_shown_while_it_runs(called: Running) -> None:
    import asyncio
    import threading

    running = called
    create(running.client("lambda"), "runs")
    may_answer = running.call(asyncio.Event)

    async def waits(runtime: RuntimeClient) -> Any:
        request_id, payload = await runtime.next()
        await may_answer.wait()
        await runtime.respond(request_id, payload)
        return await echo(runtime)

    script, running.scripted_driver.script = running.scripted_driver.script, waits
    stream = Stream(running, "function=runs")
    call = threading.Thread(target=invoke, args=(running, "runs"))
    call.start()
    try:
        seen: list[str] = []
        while "running" not in seen:
            seen += [each["status"] for each in stream.next()[2]["running"]]
        document = get(running, "timeline?function=runs")
        (each,) = document["running"]
        assert each["cold"]
        assert each["started"] >= each["requested"]
        assert each["ended"] is each["id"] is each["duration_ms"] is None
        assert document["environments"][0]["state"] == "busy"
        assert set(each) == set(get(running, "timeline?limit=1")["invocations"][0])
    finally:
        running.loop.call_soon_threadsafe(may_answer.set)
        running.scripted_driver.script = script
        call.join(60)
    assert stream.until_invocations(1)[0]["status"] == "success"
    stream.close()
    assert get(running, "timeline?function=runs")["running"] == []


def test_it_outlives_the_emulator(tmp_path: Path) -> None:
    settings = Settings(port=0, state=tmp_path, transition_seconds=0)
    first = Running(settings, driver=ScriptedDriver())
    try:
        create(first.client("lambda"), "kept")
        invoke(first, "kept", b'{"find": "me"}')
        before = get(first, "timeline")
    finally:
        first.stop()
    second = Running(settings, driver=ScriptedDriver())
    try:
        after = get(second, "timeline")
        assert after["invocations"] == before["invocations"]
        assert after["known_from"] == before["known_from"]
        (environment,) = after["environments"]
        assert environment["state"] == "stopped"
        assert environment["ended_cause"] == "shutdown"
        assert (
            get(second, f"invocations/{after['invocations'][0]['id']}")["event"] == '{"find": "me"}'
        )
        invoke(second, "kept")
        stream = Stream(second, f"cursor={before['cursor']}")
        (new,) = stream.until_invocations(1)
        stream.close()
        assert new["id"] > before["invocations"][0]["id"]
        assert new["cold"]
    finally:
        second.stop()


def test_recording_can_be_turned_off() -> None:
    running = Running(Settings(port=0, timeline_mb=0), driver=ScriptedDriver())
    try:
        for path in ("timeline", "timeline/follow", "invocations", "invocations/1"):
            status, _, body = ask(running, f"/_emulator/{path}")
            assert status == 404
            assert "--timeline-mb 0" in json.loads(body)["detail"]
    finally:
        running.stop()


def test_the_page_shows_the_members_that_there_are(called: Running) -> None:
    text = (Path(__file__).parents[2] / "docs" / "timeline.md").read_text()
    shown = [json.loads(each) for each in re.findall(r"```json\n(.*?)```", text, re.DOTALL)]
    document = get(called, "timeline?function=called")
    listing = get(called, "invocations?function=called")
    one = get(called, f"invocations/{document['invocations'][0]['id']}")
    answered = [
        document,
        document["environments"][0],
        document["invocations"][0],
        one,
        listing,
    ]
    assert [list(each) for each in shown] == [list(each) for each in answered]
    assert list(shown[-1]["summary"]) == list(listing["summary"])
    for example, answer in ((shown[1], answered[1]), (shown[2], answered[2])):
        assert list(example["phases"][0]) == list(answer["phases"][0])
    named = set(re.findall(r"`([a-z_]+)=", text))
    openapi = get(called, "openapi.json")["paths"]["/_emulator/invocations"]["get"]["parameters"]
    assert named >= {each["name"] for each in openapi}
