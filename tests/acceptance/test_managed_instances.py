"""Managed Instances with real runtimes: several invocations in one environment, and their faults.

That they run at once is shown by what they do, not by how long it takes: those that meet wait for
each other in the /tmp they share.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from emulator.pool.output import Output
from emulator.pool.states import EnvironmentState
from tests.acceptance.drivers import DRIVERS, settings
from tests.api.conftest import Running, create, zip_of
from tests.needs import need
from tests.patience import PATIENCE_S, until

_PYTHON = """
import json, logging, os, signal, time
logging.getLogger().setLevel("INFO")
calls = 0

def meet(place, number):
    folder = "/tmp/" + place
    os.makedirs(folder, exist_ok=True)
    open(folder + "/" + str(time.monotonic_ns()) + str(os.getpid()), "w").close()
    while len(os.listdir(folder)) < number:
        time.sleep(0.005)

def handler(event, context):
    global calls
    calls += 1
    for n in range(event.get("lines", 0)):
        print(json.dumps({"who": event["who"], "n": n, "long": "x" * 300}))
    if "meet" in event:
        meet(*event["meet"])
    logging.info("met %s", event)
    if "exit" in event:
        os._exit(event["exit"])
    if "fail" in event:
        raise ValueError("no")
    if "end" in event:
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)
    if "hang" in event:
        time.sleep(600)
    return {"worker": os.getpid(), "calls": calls, "id": context.aws_request_id}
"""
_NODE = """
import fs from 'node:fs';
import { threadId } from 'node:worker_threads';
let calls = 0;
const rest = (ms) => new Promise((done) => setTimeout(done, ms));

async function meet(place, number) {
  const folder = `/tmp/${place}`;
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(`${folder}/${process.hrtime.bigint()}-${threadId}-${calls}`, '');
  while (fs.readdirSync(folder).length < number) await rest(5);
}

export const handler = async (event, context) => {
  calls += 1;
  for (let n = 0; n < (event.lines ?? 0); n += 1) {
    process.stdout.write(`${JSON.stringify({ who: event.who, n, long: 'x'.repeat(300) })}\\n`);
  }
  if (event.meet) await meet(...event.meet);
  console.info('met', event);
  if ('exit' in event) process.exit(event.exit);
  if (event.fail) throw new TypeError('no');
  if (event.end) process.kill(process.pid, 'SIGKILL');
  if (event.hang) await rest(600000);
  const store = globalThis.awslambda.InvokeStore;
  if (store.getRequestId() !== context.awsRequestId) throw new Error('another invocation');
  return { worker: threadId, calls, id: context.awsRequestId };
};

export const streaming = awslambda.streamifyResponse(async (event, stream, context) => {
  stream.write(`begin ${event.who}|`);
  await meet(...event.meet);
  stream.write(`end ${event.who}`);
  stream.end();
});
"""
_PROVIDER = {
    "VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
    "PermissionsConfig": {"CapacityProviderOperatorRoleArn": "arn:aws:iam::000000000000:role/role"},
}
#: Invocations at once.
_LIMIT = 4


class Function:
    """A published function, called from several threads."""

    def __init__(self, running: Running, arn: str, runtime: str, **fields: Any) -> None:
        if runtime.startswith("node") and running.emulator.settings.driver == "process":
            need("node")
        self.running, self.client = running, running.client("lambda")
        self.name = f"{runtime[:4]}-{len(running.emulator.registry.all())}"
        code = zip_of(app__mjs=_NODE) if runtime.startswith("node") else zip_of(app__py=_PYTHON)
        instances = {"CapacityProviderArn": arn, "PerExecutionEnvironmentMaxConcurrency": _LIMIT}
        config = {"LambdaManagedInstancesCapacityProviderConfig": instances}
        defaults = {"Runtime": runtime, "Code": {"ZipFile": code}, "Timeout": 60}
        create(
            self.client,
            self.name,
            **{**defaults, **fields},
            CapacityProviderConfig=config,
            PublishTo="LATEST_PUBLISHED",
        )
        self.latest = {"FunctionName": self.name, "Qualifier": "$LATEST.PUBLISHED"}
        until(lambda: self.state["State"] != "Pending")
        self.threads = ThreadPoolExecutor(_LIMIT)

    @property
    def state(self) -> dict[str, Any]:
        return self.client.get_function_configuration(**self.latest)

    def scale(self, low: int, high: int) -> None:
        config = {"MinExecutionEnvironments": low, "MaxExecutionEnvironments": high}
        self.client.put_function_scaling_config(**self.latest, FunctionScalingConfig=config)

    def call(self, **event: Any) -> dict[str, Any]:
        answer = self.client.invoke(FunctionName=self.name, Payload=json.dumps(event))
        return json.loads(answer["Payload"].read())

    def begin(self, **event: Any) -> Future[dict[str, Any]]:
        return self.threads.submit(self.call, **event)

    def environments(self) -> list[str]:
        every = self.running.emulator.pools.environments.values()
        own = [each for each in every if each.version.name == self.name]
        return [
            each.id
            for each in own
            if each.state not in (EnvironmentState.STOPPING, EnvironmentState.STOPPED)
        ]

    def lines(self) -> list[str]:
        logs = self.running.client("logs")
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=f"/aws/lambda/{self.name}"
        )
        return [event["message"].rstrip("\n") for page in pages for event in page["events"]]


@pytest.fixture(scope="module", params=DRIVERS)
def running(request: pytest.FixtureRequest) -> Iterator[Running]:
    running = Running(settings(request.param))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def arn(running: Running) -> str:
    made = running.client("lambda").create_capacity_provider(
        CapacityProviderName="provider", **_PROVIDER
    )
    return made["CapacityProvider"]["CapacityProviderArn"]


@pytest.fixture(scope="module", params=["python3.13", "nodejs22.x"])
def function(running: Running, arn: str, request: pytest.FixtureRequest) -> Iterator[Function]:
    function = Function(running, arn, request.param)
    function.scale(1, 1)
    yield function
    function.threads.shutdown()


def _meet(function: Function, place: str, number: int = _LIMIT) -> list[dict[str, Any]]:
    calls = [function.begin(meet=[place, number]) for _ in range(number)]
    return [call.result(PATIENCE_S) for call in calls]


def test_invocations_meet_in_one_environment(function: Function) -> None:
    answers = _meet(function, "all")
    assert len({answer["id"] for answer in answers}) == _LIMIT
    if function.name.startswith("pyth"):
        # A process for each: none sees what another one keeps.
        assert len({answer["worker"] for answer in answers}) == _LIMIT
        assert {answer["calls"] for answer in answers} == {1}
    assert len(function.environments()) == 1


def test_errors_are_each_invocations_own(function: Function) -> None:
    calls = [function.begin(meet=["errors", 3], **{"fail": True} if n else {}) for n in range(3)]
    answers = [call.result(PATIENCE_S) for call in calls]
    assert "worker" in answers[0]
    assert {answer["errorMessage"] for answer in answers[1:]} == {"no"}


def test_a_worker_that_dies_takes_nobody_along_in_another(function: Function) -> None:
    before = function.environments()
    assert function.call(exit=3) == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {_last_id(function)} Error: Runtime exited with error: "
        "exit status 3",
    }
    assert len(_meet(function, "after the exit")) == _LIMIT, "another worker took its place"
    assert function.environments() == before


def _last_id(function: Function) -> str:
    starts = [line for line in function.lines() if '"platform.start"' in line]
    return json.loads(starts[-1])["record"]["requestId"]


def test_lines_are_whole_and_say_whose_they_are(function: Function) -> None:
    calls = [function.begin(who=n, lines=200, meet=["lines", 3]) for n in range(3)]
    ids = {call.result(PATIENCE_S)["id"] for call in calls}
    lines = [json.loads(line) for line in function.lines()]
    for who in range(3):
        assert [line["n"] for line in lines if line.get("who") == who] == list(range(200))
    met = {line["requestId"] for line in lines if "lines" in str(line.get("message"))}
    assert met == ids
    reports = [line["record"] for line in lines if line.get("type") == "platform.report"]
    assert ids <= {record["requestId"] for record in reports}
    assert all(record["metrics"].keys() == {"durationMs"} for record in reports)


@pytest.mark.parametrize("runtime", ["python3.13", "nodejs22.x"])
def test_no_invocation_ends_before_its_lines_have_left(
    running: Running, arn: str, runtime: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are more than the pipe holds, and less than Node.js could hold back besides."""
    if running.emulator.settings.driver != "process":
        pytest.skip("an engine reads what its containers print, whoever reads it then")
    drain = Output.drain
    unread: list[str] = []
    monkeypatch.setattr(Output, "drain", lambda output: unread or drain(output))
    function = Function(running, arn, runtime)
    function.call()
    unread.append("all")
    call = function.begin(who="late", lines=230)
    with pytest.raises(TimeoutError):
        call.result(0.5)
    unread.clear()
    call.result(PATIENCE_S)
    lines = [json.loads(line) for line in function.lines()]
    assert [line["n"] for line in lines if line.get("who") == "late"] == list(range(230))
    function.threads.shutdown()


@pytest.mark.parametrize("runtime", ["python3.13", "nodejs22.x"])
def test_time_is_up_for_one_alone(running: Running, arn: str, runtime: str) -> None:
    function = Function(running, arn, runtime, Timeout=10)
    function.scale(1, 1)
    late = function.begin(hang=True, meet=["late", 1])
    assert late.result(PATIENCE_S)["errorType"] == "Sandbox.Timedout"
    # It goes on, and keeps its worker; the others work.
    assert len(_meet(function, "beside", _LIMIT - 1)) == _LIMIT - 1
    assert len(function.environments()) == 1
    function.threads.shutdown()


@pytest.mark.parametrize("runtime", ["python3.13", "nodejs22.x"])
def test_a_runtime_that_dies_is_told_to_all_and_replaced(
    running: Running, arn: str, runtime: str
) -> None:
    function = Function(running, arn, runtime)
    before = function.environments()
    calls = [
        function.begin(meet=["end", 3], **{"end": True} if n == 2 else {"hang": True})
        for n in range(3)
    ]
    for call in calls:
        answer = call.result(PATIENCE_S)
        assert answer["errorType"] == "Runtime.ExitError"
        assert answer["errorMessage"].endswith("Runtime exited with error: signal: killed")
    assert "worker" in function.call()
    assert not set(before) & set(function.environments())
    function.threads.shutdown()


@pytest.mark.parametrize("runtime", ["python3.13", "nodejs22.x"])
def test_an_import_that_fails_fails_the_version(running: Running, arn: str, runtime: str) -> None:
    function = Function(running, arn, runtime, Handler="missing.handler")
    state = function.state
    assert (state["State"], state["StateReasonCode"]) == (
        "Failed",
        "FunctionError.RuntimeInitError",
    )
    assert "missing" in state["StateReason"]
    assert function.environments() == []
    function.threads.shutdown()


def test_streams_run_side_by_side(running: Running, arn: str) -> None:
    function = Function(running, arn, "nodejs22.x", Handler="app.streaming")

    def stream(who: int) -> bytes:
        answer = function.client.invoke_with_response_stream(
            FunctionName=function.name, Payload=json.dumps({"who": who, "meet": ["streams", 3]})
        )
        chunks = [
            event["PayloadChunk"]["Payload"]
            for event in answer["EventStream"]
            if "PayloadChunk" in event
        ]
        return b"".join(chunks)

    streams = [function.threads.submit(stream, n) for n in range(3)]
    assert [each.result(PATIENCE_S) for each in streams] == [
        f"begin {n}|end {n}".encode() for n in range(3)
    ]
    function.threads.shutdown()
