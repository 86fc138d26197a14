"""The command with its functions as pods of a cluster, as clients see it."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.acceptance.conftest import Up, localfaas_up
from tests.api.conftest import create, zip_of
from tests.cluster import IMAGE, KUBERNETES, Cluster
from tests.contract.pods import TEMPLATE, Pods, pods
from tests.contract.test_kubernetes_driver import CLIENT, need_own_cluster, script
from tests.patience import PATIENCE_S, until

__all__ = ["pods"]

pytestmark = [*KUBERNETES, pytest.mark.slow]

CODE = """
import json, os, time, urllib.request
def handler(event, context):
    print("got", event)
    if "seconds" in event:
        time.sleep(event["seconds"])
    if "status" in event:
        os._exit(event["status"])
    if "memory" in event:
        return len(bytearray(event["memory"] << 20))
    if "queue" in event:
        message = {"QueueUrl": event["queue"], "MessageBody": str(event["n"])}
        headers = {
            "X-Amz-Target": "AmazonSQS.SendMessage",
            "Content-Type": "application/x-amz-json-1.0",
            "Authorization": "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/sqs/aws4_request",
        }
        url, body = os.environ["AWS_ENDPOINT_URL"], json.dumps(message).encode()
        urllib.request.urlopen(urllib.request.Request(url, body, headers)).read()
    return event
"""


#: Seconds in which the loss of a node is noticed: Kubernetes itself takes most of a minute.
LOST_S = 30.0


@contextmanager
def running(pods: Pods, state: Path, template: str = TEMPLATE, *more: str) -> Iterator[Up]:
    """Run the command in the tests' namespace, with its state in a folder."""
    file = state.with_suffix(".yaml")
    file.write_text(template)
    options = ["--driver", "kubernetes", "--namespace", pods.namespace, "--no-watch",
               "--pod-template", str(file), "--state", str(state), "--stem-cells", "1",
               *(f"--image=python3.{n}={IMAGE}" for n in range(11, 15)),
               f"--image=nodejs20.x={IMAGE}", *more]  # fmt: skip
    if pods.advertise:
        options += ["--advertise-host", pods.advertise]
    folder = state.with_name(f"{state.name}-functions")
    (folder / "idle").mkdir(parents=True, exist_ok=True)
    (folder / "idle/app.py").write_text("def handler(event, context): ...")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(pods.kubeconfig))
        with localfaas_up(folder, *options) as up:
            yield up


def ask(client: Any, event: Any, name: str = "f") -> Any:
    answer = client.invoke(FunctionName=name, Payload=json.dumps(event))
    return answer.get("FunctionError"), json.loads(answer["Payload"].read())


def make(client: Any, name: str = "f", **fields: Any) -> None:
    fields = {"Runtime": "python3.11", "MemorySize": 128, "Timeout": 60} | fields
    create(client, name, Code={"ZipFile": zip_of(app__py=CODE)}, **fields)
    client.get_waiter("function_active_v2").wait(FunctionName=name)


def give_time(client: Any, seconds: int) -> None:
    client.update_function_configuration(FunctionName="f", Timeout=seconds)
    client.get_waiter("function_updated_v2").wait(FunctionName="f")


def make_others(client: Any, pods: Pods) -> None:
    """Have pods of other kinds, too: of Node.js, and of an image where those can call."""
    node = "exports.handler = async (event) => event;"
    code = {"ZipFile": zip_of(app__js=node)}
    create(client, "node", Code=code, Runtime="nodejs20.x", Timeout=20)
    client.get_waiter("function_active_v2").wait(FunctionName="node")
    assert ask(client, {"n": 1}, "node") == (None, {"n": 1})
    if pods.advertise:
        client.create_function(
            FunctionName="image",
            PackageType="Image",
            Code={"ImageUri": IMAGE},
            ImageConfig={"EntryPoint": ["python3", "-c", CLIENT]},
            Role="arn:aws:iam::000000000000:role/r",
            Environment={"Variables": {"SECRET": "hush"}},
            Timeout=20,
        )
        client.get_waiter("function_active_v2").wait(FunctionName="image")
        assert ask(client, {}, "image") == (None, ["hush", True])


def alive(pods: Pods) -> list[str]:
    """Return the pods in which something runs."""
    return [
        pod["metadata"]["name"] for pod in pods.all() if pod["status"].get("phase") == "Running"
    ]


def test_what_callers_see_and_what_a_kill_leaves(pods: Pods, tmp_path: Path) -> None:
    state = tmp_path / "state"
    with running(pods, state) as up:
        client = up.client()
        make(client)
        assert ask(client, {"n": 1}) == (None, {"n": 1})
        give_time(client, 3)
        assert ask(client, {"seconds": 30})[1]["errorMessage"].endswith(
            "timed out after 3.00 seconds"
        )
        # What follows may take its time on a busy machine.
        give_time(client, 60)
        assert ask(client, {"status": 3})[1]["errorMessage"].endswith("exit status 3")
        assert ask(client, {"memory": 600})[1]["errorType"] == "Runtime.ExitError"
        assert ask(client, {"n": 2}) == (None, {"n": 2})
        make_others(client, pods)
        assert alive(pods)
        os.kill(up.process.pid, signal.SIGKILL)
        until(lambda: not alive(pods))
    left = {pod["metadata"]["name"] for pod in pods.all()}
    assert left, "their objects stay until the next start"
    with running(pods, state) as up:
        client = up.client()
        assert ask(client, {"n": 3}) == (None, {"n": 3})
        until(lambda: not left & {pod["metadata"]["name"] for pod in pods.all()})
    until(lambda: not pods.all())


def test_a_quota_is_told_of_a_function_that_could_not_be_made_ready(
    pods: Pods, tmp_path: Path
) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none"},
        "spec": {"hard": {"pods": "0"}},
    }
    namespace = ("--namespace", pods.namespace)
    pods.cluster.kubectl("apply", *namespace, "-f", "-", given=json.dumps(quota))
    until(lambda: "status" in pods.cluster.get("quota", "none", *namespace))
    try:
        with running(pods, tmp_path / "state") as up:
            client = up.client()
            create(client, "f", Code={"ZipFile": zip_of(app__py=CODE)}, Runtime="python3.11")
            with pytest.raises(ClientError) as told:
                ask(client, {})
            # As on AWS where a function is not ready, or could not be made so.
            code = told.value.response["Error"]["Code"]
            assert code in ("ServiceException", "ResourceConflictException")
            until(lambda: state_of(client)["State"] == "Failed")
            assert "exceeded quota" in state_of(client)["StateReason"]
            pods.cluster.kubectl("delete", "quota", "none", *namespace)
            until(lambda: _works(client))
    finally:
        pods.cluster.kubectl("delete", "quota", "none", *namespace, "--ignore-not-found")


def state_of(client: Any) -> Any:
    return client.get_function(FunctionName="f")["Configuration"]


PORT = "ports: [{hostPort: 80, containerPort: 80}]"


@pytest.mark.parametrize(
    ("template", "more", "reason"),
    [
        ("{spec: {nodeSelector: {nowhere: here}}}", (), "nodes are available"),
        (TEMPLATE, ("--image=python3.11=registry.invalid/none:1",), "registry.invalid/none:1"),
        (f"{{spec: {{containers: [{{name: p, image: p, {PORT}}}]}}}}", (), "violates PodSecurity"),
    ],
    ids=["no node", "no image", "pod security"],
)
def test_a_refusal_reaches_the_caller_and_its_reason_the_timeline(
    pods: Pods, tmp_path: Path, template: str, more: tuple[str, ...], reason: str
) -> None:
    # Without stem cells nothing is tried before the call.
    with running(pods, tmp_path / "state", template, "--stem-cells", "0", *more) as up:
        make(up.client())
        assert reason in reason_of_refusal(up)


def reason_of_refusal(up: Up) -> str:
    """Have a call refused; return what the timeline says of its environment."""
    with pytest.raises(ClientError) as told:
        ask(up.client(), {})
    assert told.value.response["Error"]["Code"] == "ServiceException"
    with urllib.request.urlopen(f"{up.url}/_emulator/timeline", timeout=PATIENCE_S) as answer:
        environments = json.load(answer)["environments"]
    return " ".join(each["ended_reason"] or "" for each in environments)


def _works(client: Any) -> bool:
    try:
        return bool(ask(client, {"n": 1}) == (None, {"n": 1}))
    except ClientError:
        return False


def test_calls_in_flight_on_a_node_that_is_lost_fail_as_on_aws(pods: Pods, tmp_path: Path) -> None:
    need_own_cluster(pods, 2)
    ended: list[tuple[float, Any]] = []

    def call(client: Any, seconds: int) -> None:
        answer = ask(client, {"seconds": seconds})
        ended.append((time.monotonic(), answer))

    with running(pods, tmp_path / "state") as up:
        make(up.client(), Timeout=60)
        calls = [threading.Thread(target=call, args=(up.client(), 45)) for _ in range(4)]
        for each in calls:
            each.start()
        until(lambda: len(_nodes_of_runtimes(pods)) == 4)
        there = _nodes_of_runtimes(pods).count("node-b")
        assert there
        script("cable", "b", "down")
        cut = time.monotonic()
        try:
            until(lambda: sum(bool(error) for _, (error, _) in ended) == there)
            for at, (error, payload) in ended:
                assert at - cut < LOST_S
                assert (error, payload["errorType"]) == ("Unhandled", "Runtime.ExitError")
            for each in calls:
                each.join(PATIENCE_S)
            fine = [answer for _, answer in ended if answer[0] is None]
            assert len(fine) == len(calls) - there
        finally:
            script("cable", "b", "up")
    until(lambda: not pods.all())


def _nodes_of_runtimes(pods: Pods) -> list[str]:
    """Return the nodes of the pods that say which function they run."""
    found = pods.cluster.get("pods", "-n", pods.namespace, "-l", "localfaas.dev/function")["items"]
    return [pod["spec"].get("nodeName", "") for pod in found]


def test_no_acknowledged_event_is_lost_with_a_node(pods: Pods, tmp_path: Path) -> None:
    need_own_cluster(pods, 2)
    count = 12
    with running(pods, tmp_path / "state", TEMPLATE, "--async-retry-scale", "0.05") as up:
        client, queues = up.client(), up.client("sqs")
        queue = queues.create_queue(QueueName="done")["QueueUrl"]
        make(client, Timeout=20)
        ask(client, {"n": 0})
        for n in range(count):
            client.invoke(
                FunctionName="f",
                InvocationType="Event",
                Payload=json.dumps({"n": n, "seconds": 1, "queue": queue}),
            )
        until(lambda: _on_both(pods.cluster, pods.namespace))
        script("cable", "b", "down")
        try:
            # How soon, without a queue in front, is the driver's own test.
            until(lambda: _works(client))
            done: set[str] = set()
            end = time.monotonic() + 150
            while len(done) < count and time.monotonic() < end:
                got = queues.receive_message(
                    QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=5
                )
                done |= {message["Body"] for message in got.get("Messages", ())}
            assert done == set(map(str, range(count)))
        finally:
            script("cable", "b", "up")


def _on_both(found: Cluster, namespace: str) -> bool:
    items = found.get("pods", "-n", namespace, "-l", "localfaas.dev/function")["items"]
    return len({pod["spec"].get("nodeName") for pod in items}) > 1
