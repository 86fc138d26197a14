"""The Kubernetes driver on a real cluster: what it promises beyond the driver contract."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from emulator.driver.base import Driver
from emulator.driver.conventions import runtimes_folder
from emulator.driver.kubernetes.pod import PodRequest, body
from emulator.driver.kubernetes.programs import stem_command
from emulator.driver.kubernetes.sandbox import Plan
from emulator.driver.kubernetes.ways import PORT
from emulator.model.errors import DriverFault, PullFault
from emulator.model.sandbox import EnvironmentSpec, Exit, ImageConfig
from tests import patience
from tests.cluster import IMAGE, KUBERNETES, Cluster
from tests.contract.conftest import folder
from tests.contract.pods import Pods, TrackingDriver, pods
from tests.contract.sandboxes import Runtime, ended, handler, make_spec, write_code
from tests.patience import PATIENCE_S

__all__ = ["folder", "pods"]

pytestmark = KUBERNETES

ECHO = handler("return event")
#: A runtime client as an image brings its own.
CLIENT = """\
import http.client, json, os, sys
print("runs", flush=True)
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    given = api.getresponse()
    event = json.loads(given.read())
    print("event", event, flush=True)
    if "exit" in event:
        sys.exit(event["exit"])
    if "memory" in event:
        len(bytearray(event["memory"] << 20))
    answer = json.dumps([os.environ["SECRET"], os.getuid() > 0]).encode()
    number = given.headers["Lambda-Runtime-Aws-Request-Id"]
    api.request("POST", "/2018-06-01/runtime/invocation/%s/response" % number, answer)
    api.getresponse().read()
"""


@asynccontextmanager
async def opened(pods: Pods, **settings: Any) -> AsyncIterator[TrackingDriver]:
    driver = pods.driver(**settings)
    await driver.open()
    try:
        yield driver
    finally:
        await driver.close()


async def started(driver: Driver, folder: Path, source: str = ECHO, **changes: Any) -> Runtime:
    runtime = await Runtime.start(driver, make_spec(write_code(folder, source), **changes))
    await runtime.ready()
    return runtime


async def until(what: Callable[[], bool]) -> None:
    """Wait until ``what`` is true."""
    async with asyncio.timeout(PATIENCE_S):
        while not await asyncio.to_thread(what):  # noqa: ASYNC110 (of another process)
            await asyncio.sleep(0.1)


def image_spec(**changes: Any) -> EnvironmentSpec:
    own: dict[str, Any] = {
        "runtime": "",
        "image": IMAGE,
        "image_config": ImageConfig(entrypoint=("python3", "-c", CLIENT)),
        "environ": {"SECRET": "hush-4711"},
    }
    return replace(make_spec(Path(), **own | changes), code=None)


# Reaching pods -------------------------------------------------------------------------------


async def test_pods_that_can_not_call_are_dialled(pods: Pods, folder: Path) -> None:
    async with opened(pods, advertise="") as driver:
        assert any("--advertise-host" in note for note in driver.notes())
        source = handler("print('printed'); return event")
        runtime = await started(driver, folder, source)
        large = {"data": "x" * 3_000_000}
        assert (await runtime.invoke(large)).json() == large
        assert "printed" in await runtime.output("printed")
        await driver.freeze(runtime.sandbox)
        await driver.thaw(runtime.sandbox)
        runtime.writer.close()
        spec = make_spec(write_code(folder, source))
        again = await Runtime.of(driver, await driver.reset(runtime.sandbox, spec))
        await again.ready()
        assert (await again.invoke(1)).json() == 1
        await again.stop()
        with pytest.raises(DriverFault, match="--advertise-host"):
            await driver.start(image_spec())


@pytest.mark.parametrize("language", ["python", "nodejs"])
async def test_a_pod_that_nobody_dials_ends(pods: Pods, language: str) -> None:
    plan = Plan(image=IMAGE, architecture="x86_64", language=language, version="")
    loader = next((runtimes_folder() / language).glob("pod_loader.*"))
    request = PodRequest(
        name=f"alone-{language}", image=IMAGE, labels={}, memory_mb=128, storage_mb=512,
        architecture="x86_64", number=1, is_stem=True,
        command=stem_command(plan, loader, f":{PORT}/token"),
    )  # fmt: skip
    namespace = ("--namespace", pods.namespace)
    pods.cluster.kubectl("apply", *namespace, "-f", "-", given=json.dumps(body(request)))
    phases: set[str] = set()

    def has_ended() -> bool:
        pod = pods.cluster.get("pod", request.name, *namespace)
        phases.add(pod["status"].get("phase", ""))
        return "Succeeded" in phases

    try:
        await until(has_ended)
    finally:
        pods.cluster.kubectl("delete", "pod", request.name, *namespace, "--wait=false")
    assert "Running" in phases


async def test_what_has_to_call_takes_no_stem_cell_where_pods_can_not(
    pods: Pods, folder: Path
) -> None:
    extension = folder / "layer/extensions/any"
    extension.parent.mkdir(parents=True)
    extension.write_text("#!/bin/sh")
    extension.chmod(0o755)
    async with opened(pods, advertise="", stems=1) as driver:
        await driver.prepare("python3.11", "x86_64", (256,))
        spec = make_spec(write_code(folder, ECHO), layers=(folder / "layer",))
        fault = await refused(driver, spec)
        assert "extensions call the emulator" in str(fault)
        assert "--advertise-host" in str(fault)
        (plan,) = driver._kinds
        assert driver._stems.count(plan) == 1


async def test_images_without_awss_sdk_are_sent_it(pods: Pods, folder: Path) -> None:
    async with opened(pods, template="{}") as driver:
        source = handler("import boto3; return boto3.client('sqs', 'eu-west-1').meta.region_name")
        runtime = await started(driver, folder, source, memory_mb=1769)
        assert (await runtime.invoke({})).json() == "eu-west-1"
        await runtime.stop()


async def test_node_js_runs_from_stem_cells(pods: Pods, folder: Path) -> None:
    source = "exports.handler = async (event) => { console.log('printed'); return [event]; };"
    async with opened(pods, stems=1) as driver:
        await driver.prepare("nodejs20.x", "x86_64")
        code = write_code(folder, source, "app.js")
        spec = make_spec(code, runtime="nodejs20.x", memory_mb=128)
        runtime = await Runtime.start(driver, spec)
        await runtime.ready()
        assert (await runtime.invoke(1)).json() == [1]
        assert "printed" in await runtime.output("printed")
        await driver.freeze(runtime.sandbox)
        await driver.thaw(runtime.sandbox)
        assert (await runtime.invoke(2)).json() == [2]
        await runtime.stop()


# Images --------------------------------------------------------------------------------------


def functions(pods: Pods) -> list[str | None]:
    """Return whose each pod is."""
    return [pod["metadata"]["labels"].get("localfaas.dev/function") for pod in pods.all()]


async def test_a_function_of_an_image_has_a_pod_of_its_own(pods: Pods) -> None:
    async with opened(pods) as driver:
        if not pods.advertise:
            pytest.skip("pods have no way to this machine")
        runtime = await Runtime.start(driver, image_spec())
        await runtime.ready()
        assert (await runtime.invoke({})).json() == ["hush-4711", True]
        assert "event {}" in await runtime.output("event {}")
        assert "hush-4711" not in json.dumps(pods.all())
        await until(lambda: "contract" in functions(pods))
        await runtime.send({"exit": 3})
        assert await ended(runtime) == Exit(status=3)
        assert "'exit': 3" in await runtime.output("'exit': 3")
        runtime.writer.close()
        again = await driver.reset(runtime.sandbox, image_spec())
        await driver.stop(again)
    await until(lambda: not pods.all())


async def test_a_function_of_an_image_that_takes_too_much_memory(pods: Pods) -> None:
    async with opened(pods) as driver:
        if not pods.advertise:
            pytest.skip("pods have no way to this machine")
        runtime = await Runtime.start(driver, image_spec(memory_mb=128))
        await runtime.ready()
        await runtime.send({"memory": 700})
        assert await ended(runtime) == Exit(signal=9, out_of_memory=True)
        await runtime.stop()


async def test_a_start_command_that_is_not_there(pods: Pods) -> None:
    async with opened(pods) as driver:
        if not pods.advertise:
            pytest.skip("pods have no way to this machine")
        sandbox = await driver.start(image_spec(image_config=ImageConfig(entrypoint=("/none",))))
        end = await asyncio.wait_for(asyncio.shield(sandbox.exited), PATIENCE_S)
        assert end.error_type == "Runtime.InvalidEntrypoint"
        assert end.message.startswith("fork/exec /none:")
        await driver.stop(sandbox)


# CPU -----------------------------------------------------------------------------------------


async def test_the_share_of_cpu_comes_soon_after_init(pods: Pods, folder: Path) -> None:
    source = handler(
        """
        import time
        start = time.monotonic()
        while time.monotonic() - start < 0.2:
            pass
        """
    )
    async with opened(pods) as driver:
        runtime = await started(driver, folder, source, memory_mb=177)
        driver.initialised(runtime.sandbox, make_spec(folder, memory_mb=177))
        async with asyncio.timeout(PATIENCE_S):
            while runtime.sandbox.throttled_s() < 0.1:
                await runtime.invoke({})
                await driver.usage(runtime.sandbox)
        await runtime.stop()


# Refusals ------------------------------------------------------------------------------------


async def refused(driver: Driver, spec: EnvironmentSpec) -> DriverFault:
    """Return why ``spec`` can't be started."""
    with pytest.raises(DriverFault) as told:
        async with asyncio.timeout(PATIENCE_S):
            await driver.start(spec)
    return told.value


async def test_a_missing_image_is_told(pods: Pods, folder: Path) -> None:
    images = {"python3.11": "registry.invalid/none:1"}
    async with opened(pods, images=images) as driver:
        fault = await refused(driver, make_spec(write_code(folder, ECHO)))
        assert isinstance(fault, PullFault)
        assert "registry.invalid/none:1" in str(fault)


async def test_a_pod_that_no_node_takes_is_told(pods: Pods, folder: Path) -> None:
    async with opened(pods, template="{spec: {nodeSelector: {nowhere: here}}}") as driver:
        fault = await refused(driver, make_spec(write_code(folder, ECHO)))
        assert "nodes are available" in str(fault)


async def test_a_quota_is_told(pods: Pods, folder: Path) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "few"},
        "spec": {"hard": {"pods": "0"}},
    }
    pods.cluster.kubectl("apply", "-n", pods.namespace, "-f", "-", given=json.dumps(quota))
    try:
        async with opened(pods) as driver:
            await until(lambda: "status" in pods.cluster.get("quota", "few", "-n", pods.namespace))
            fault = await refused(driver, make_spec(write_code(folder, ECHO)))
            assert "exceeded quota" in str(fault)
    finally:
        pods.cluster.kubectl("delete", "quota", "few", "-n", pods.namespace)


async def test_what_pod_security_refuses_is_told(pods: Pods, folder: Path) -> None:
    # Of all that a template may have, this alone is not clamped: the API refuses it.
    ports = "[{hostPort: 80, containerPort: 80}]"
    template = f"{{spec: {{containers: [{{name: proxy, image: proxy, ports: {ports}}}]}}}}"
    async with opened(pods, template=template) as driver:
        fault = await refused(driver, make_spec(write_code(folder, ECHO)))
        assert "violates PodSecurity" in str(fault)


# Several, and what is left -------------------------------------------------------------------


async def test_two_emulators_in_one_namespace_leave_each_others_pods_alone(
    pods: Pods, folder: Path
) -> None:
    async with opened(pods) as first, opened(pods, directory=folder / "others") as other:
        kept = await started(first, folder)
        await (await started(other, folder)).stop()
        await other.close()
        async with opened(pods), opened(pods, directory=folder / "others"):
            assert (await kept.invoke(1)).json() == 1
        await kept.stop()
    await until(lambda: not pods.all())
    assert not pods.cluster.get("configmaps", "-n", pods.namespace, "-l", "localfaas.dev/instance")[
        "items"
    ]


async def test_pods_are_spread_evenly_over_the_nodes(pods: Pods, folder: Path) -> None:
    ready = len(pods.cluster.get("nodes")["items"])
    async with opened(pods) as driver:
        specs = [make_spec(write_code(folder, ECHO), memory_mb=128) for _ in range(4 * ready)]
        runtimes = await asyncio.gather(*(Runtime.start(driver, spec) for spec in specs))
        counted = Counter(pod["spec"]["nodeName"] for pod in pods.all())
        assert set(counted.values()) <= {3, 4, 5}, counted
        for runtime in runtimes:
            await runtime.stop()


# Faults --------------------------------------------------------------------------------------


def need_own_cluster(pods: Pods, nodes: int = 1) -> None:
    if not pods.cluster.own or len(pods.cluster.get("nodes")["items"]) < nodes:
        pytest.skip(f"breaks a cluster: needs the one of the script, with {nodes} nodes")
    patience.until(
        lambda: all(map(_takes_pods, pods.cluster.get("nodes")["items"])),
    )


def _takes_pods(node: Any) -> bool:
    conditions = {each["type"]: each["status"] for each in node["status"]["conditions"]}
    return conditions["Ready"] == "True" and not node["spec"].get("taints")


def script(*words: str) -> None:
    import subprocess

    from tests.cluster import SCRIPT

    subprocess.run([SCRIPT, *words], check=True, timeout=PATIENCE_S, capture_output=True)


async def test_a_node_that_is_cut_off(pods: Pods, folder: Path) -> None:
    need_own_cluster(pods, 2)
    async with opened(pods) as driver:
        template = "{spec: {nodeSelector: {kubernetes.io/hostname: node-b}}}"
        async with opened(pods, template=template) as there:
            doomed = await started(there, folder)
            await doomed.send({"n": 1})
            # It has answered; the next event finds the node cut off.
            await doomed.request()
            doomed.answer("202 Accepted")
            await doomed.ready()
            cut = time.monotonic()
            await asyncio.to_thread(script, "cable", "b", "down")
            try:
                await doomed.send({"n": 2})
                lost = await asyncio.wait_for(asyncio.shield(doomed.sandbox.exited), PATIENCE_S)
                assert lost == Exit(signal=9)
                # Kubernetes itself takes most of a minute.
                assert time.monotonic() - cut < 30
                assert there._pods._avoid() == ["node-b"]
                driver._pods._avoided = there._pods._avoided
                elsewhere = await started(driver, folder)
                assert (await elsewhere.invoke(3)).json() == 3
                await elsewhere.stop()
            finally:
                await asyncio.to_thread(script, "cable", "b", "up")
            await there.stop(doomed.sandbox)
    await until(lambda: _is_ready(pods, "node-b"))


def _is_ready(pods: Pods, node: str) -> bool:
    conditions = pods.cluster.get("node", node)["status"]["conditions"]
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


async def test_environments_go_on_without_kubelet_and_api_server(pods: Pods, folder: Path) -> None:
    need_own_cluster(pods)
    if not pods.advertise:
        pytest.skip("connections through the API end with it")
    async with opened(pods) as driver:
        runtime = await started(driver, folder)
        for part in ("kubelet-a", "apiserver"):
            await asyncio.to_thread(script, "kill", part)
            try:
                for n in range(20):
                    assert (await runtime.invoke(n)).json() == n
                await driver.freeze(runtime.sandbox)
                await driver.thaw(runtime.sandbox)
            finally:
                await asyncio.to_thread(script, "start", part)
        await until(lambda: _answers(pods))
        assert (await runtime.invoke("after")).json() == "after"
        other = await started(driver, folder)
        assert (await other.invoke(1)).json() == 1
        await other.stop()
        await runtime.stop()


def _answers(pods: Pods) -> bool:
    try:
        # It knows of rights a little later than of its administrator.
        Cluster(pods.kubeconfig, own=False).kubectl("auth", "can-i", "create", "pods")
        return _is_ready(pods, "node-a")
    except AssertionError:
        return False


async def test_nothing_runs_in_pods_whose_emulator_was_killed(pods: Pods, folder: Path) -> None:
    async with opened(pods) as driver:
        runtime = await started(driver, folder)
        conversation = runtime.sandbox.conversation  # type: ignore[attr-defined]
        name = runtime.sandbox.pod.name  # type: ignore[attr-defined]
        # As the kernel does when the process is killed.
        conversation._writer.transport.abort()
        runtime.writer.transport.abort()

        def is_over() -> bool:
            pod = pods.cluster.get("pod", name, "-n", pods.namespace)
            return pod["status"]["phase"] in ("Succeeded", "Failed")

        await until(is_over)
        await driver.stop(runtime.sandbox)
    await until(lambda: not pods.all())
