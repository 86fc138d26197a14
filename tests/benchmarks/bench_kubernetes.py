"""The benchmark of pods, beside containers and processes in the same run.

Needs a cluster (``tests/kubernetes_cluster.sh up 2`` makes one, or LOCALFAAS_TEST_KUBECONFIG names
it); says so and ends well where there is none.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from emulator.driver.callbacks import CallbackServer
from emulator.driver.conventions import runtimes_folder
from emulator.driver.docker.find import find_engine
from emulator.driver.kubernetes.cluster import Cluster as Api
from emulator.driver.kubernetes.pod import PodRequest, body
from emulator.driver.kubernetes.programs import stem_command
from emulator.driver.kubernetes.sandbox import Plan
from tests.benchmarks import load
from tests.benchmarks.bench_docker import first, settle
from tests.benchmarks.bench_invoke import RUNTIME, emulator, machine, write_functions
from tests.benchmarks.figures import Row, at_most, run
from tests.cluster import IMAGE, Cluster, cluster
from tests.contract import docker_engine
from tests.contract.pods import TEMPLATE, Pods
from tests.contract.sandboxes import Runtime, make_spec

_INVOKE = "/2015-03-31/functions/{}/invocations"
_ECHO = "def handler(event, context):\n    return event\n"
_LOADER = runtimes_folder() / "python/pod_loader.py"
_FRESH = 10
#: How many are spread over the nodes, and how many of them start at once.
_MANY, _AT_ONCE = 50, 5


def _ready(found: Cluster, namespace: str, count: int) -> bool:
    """Say whether ``count`` stem cells run."""
    items = found.get("pods", "-n", namespace, "-l", "!localfaas.dev/function")["items"]
    return sum(pod["status"].get("phase") == "Running" for pod in items) >= count


def _firsts(port: int, fresh: list[str], found: Cluster, namespace: str) -> list[float]:
    """Return the milliseconds of first calls, each from a stem cell that waits."""
    times = []
    for each in fresh:
        time.sleep(1)  # by then the pod of the last one says that it waits no more
        settle(partial(_ready, found, namespace, 3))
        times.append(first(port, each))
    return times


def _warm(port: int, seconds: float) -> float:
    """Return the median of calls one after the other, in milliseconds.

    How many go through at once is the nodes' business.
    """
    request = load.http_post(_INVOKE.format("echo"), b"{}")
    load.run(port, request, connections=1, count=20)
    result = load.run(port, request, connections=1, seconds=seconds)
    assert not result.errors
    return statistics.median(result.latencies) * 1000


def median(values: list[float], digits: int = 1) -> float:
    return round(statistics.median(values), digits)


async def _of_the_driver(pods: Pods, folder: Path) -> dict[str, Any]:
    """Measure what has no request: freezing, and where many pods go."""
    driver = pods.driver()
    await driver.open()
    try:
        code = folder / "echo"
        runtime = await Runtime.start(driver, make_spec(code, handler="app.handler"))
        await runtime.ready()
        freezes = []
        for _ in range(50):
            began = time.perf_counter()
            await driver.freeze(runtime.sandbox)
            freezes.append((time.perf_counter() - began) * 1000)
            await driver.thaw(runtime.sandbox)
        await runtime.stop()
        specs = [make_spec(code, handler="app.handler", memory_mb=128) for _ in range(_MANY)]
        runtimes = []
        for at in range(0, _MANY, _AT_ONCE):
            starting = (Runtime.start(driver, spec) for spec in specs[at : at + _AT_ONCE])
            runtimes += await asyncio.gather(*starting)
        spread = Counter(pod["spec"]["nodeName"] for pod in pods.all())
        for each in runtimes:
            each.writer.close()
    finally:
        await driver.close()
    return {"freeze_ms": median(freezes), "spread": sorted(spread.values())}


async def _bare(pods: Pods, name: str, *, volumes: bool) -> float:
    """Return the milliseconds until a pod like ours, but for its work, has called here."""
    api = Api(context="", namespace="", environ={"KUBECONFIG": str(pods.kubeconfig)})
    server = CallbackServer(pods.advertise)
    token = server.make_token()
    calling = server.expect(token)
    place = f"{pods.advertise}:{server.port}/{token}"
    plan = Plan(image=IMAGE, architecture="x86_64", language="python", version=RUNTIME[6:])
    request = PodRequest(
        name=name, image=IMAGE, labels={}, memory_mb=128, storage_mb=512, architecture="x86_64",
        number=1, is_stem=True, command=stem_command(plan, _LOADER, place),
    )  # fmt: skip
    pod = body(request)
    if not volumes:
        pod["spec"]["volumes"] = pod["spec"]["containers"][0]["volumeMounts"] = []
    await api.open()
    try:
        began = time.perf_counter()
        await api.ask("POST", "pods", pod)
        connection = await asyncio.wait_for(calling, 60)
        took = (time.perf_counter() - began) * 1000
        connection.close()
        await api.ask("DELETE", f"pods/{name}", query={"gracePeriodSeconds": "1"})
    finally:
        await server.close()
        await api.close()
    return took


def measure(found: Cluster, seconds: float, rounds: int) -> dict[str, Any]:
    figures: dict[str, Any] = {"machine": machine(), "day": time.strftime("%Y-%m-%d")}
    fresh = [f"fresh-{n}" for n in range(_FRESH)]
    with ExitStack() as stack:
        namespace = stack.enter_context(found.namespace())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)
        functions, own = folder / "functions", folder / "own"
        functions.mkdir()
        own.mkdir()
        write_functions(functions, dict.fromkeys(["echo", *fresh], _ECHO))
        pods = Pods(found, namespace, found.kubeconfig, own)
        template = own / "template.yaml"
        template.write_text(TEMPLATE)
        os.environ["KUBECONFIG"] = str(found.kubeconfig)
        dialled = ("--driver", "kubernetes", "--namespace", namespace, "--pod-template",
                   str(template), "--image", f"{RUNTIME}={IMAGE}")  # fmt: skip
        direct = (*dialled, "--advertise-host", pods.advertise) if pods.advertise else dialled
        docker = ("--driver", "docker", "--image", f"{RUNTIME}={docker_engine.IMAGE}")
        with ExitStack() as emulators:
            ports = {"process": emulators.enter_context(emulator(functions))}
            if find_engine(os.environ).answers:
                ports["docker"] = emulators.enter_context(emulator(functions, *docker))
            ports["kubernetes"] = emulators.enter_context(emulator(functions, *direct))
            figures["from_stem_ms"] = median(
                _firsts(ports["kubernetes"][0], fresh, found, namespace)
            )
            turns = [
                {f"{name}_warm_ms": _warm(each[0], seconds) for name, each in ports.items()}
                for _ in range(rounds)
            ]
            figures |= {name: median([turn[name] for turn in turns], 3) for name in turns[0]}
        with emulator(functions, *direct, "--no-freeze") as (port, _, _):
            turn = [_warm(port, seconds) for _ in range(rounds)]
            figures["warm_no_freeze_ms"] = median(turn, 3)
        with emulator(functions, *dialled) as (port, _, _):
            figures["dialled_ms"] = median(_firsts(port, fresh, found, namespace))
        with emulator(functions, *direct, "--no-stem-cells") as (port, _, _):
            colds: list[dict[str, float]] = []
            for each in fresh:
                # Each is followed by what the cluster takes for a pod at the same time.
                cold = {"without_stem_ms": first(port, each)}
                if pods.advertise:
                    for name, volumes in (("bare_ms", True), ("no_volumes_ms", False)):
                        pod = f"{each}-{'with' if volumes else 'no'}-volumes"
                        cold[name] = asyncio.run(_bare(pods, pod, volumes=volumes))
                colds.append(cold)
            figures |= {name: median([cold[name] for cold in colds]) for name in colds[0]}
        figures |= asyncio.run(_of_the_driver(pods, functions))
    return figures


def rows(figures: dict[str, Any]) -> Iterator[Row]:
    """Yield what ``measure`` returned as rows of the table of figures."""
    yield at_most("pods: first invoke, from a stem cell", figures["from_stem_ms"], 15, "ms")
    yield at_most(
        "pods: first invoke, from a stem cell, dialled through the API",
        figures["dialled_ms"],
        25,
        "ms",
    )
    own = figures["without_stem_ms"]
    beside = ""
    if "bare_ms" in figures:
        bare, least = figures["bare_ms"], figures["no_volumes_ms"]
        beside = f" (a bare pod calls after {bare} ms, one without volumes after {least} ms)"
    yield Row("pods: first invoke without stem cells", f"{own} ms{beside}", "≤ 450 ms", own <= 450)
    warm, process = figures["kubernetes_warm_ms"], figures["process_warm_ms"]
    beside = f"processes: {process:.3f} ms"
    if "docker_warm_ms" in figures:
        beside += f", containers: {figures['docker_warm_ms']:.3f} ms"
    yield Row(
        "pods: warm p50, frozen between calls (in the same run)",
        f"{warm:.3f} ms ({beside})",
        "≤ 1 ms",
        warm <= 1,
    )
    yield at_most("pods: warm p50, not frozen", figures["warm_no_freeze_ms"], 1, "ms")
    yield at_most("pods: freezing an environment", figures["freeze_ms"], 3, "ms")
    spread = figures["spread"]
    yield Row(
        f"pods: where {_MANY} environments are, by node",
        " + ".join(map(str, spread)),
        "evenly",
        max(spread) - min(spread) <= 2,
    )
    # Few machines that measure the rest have a cluster.
    yield Row("pods: where and when that was", f"{figures['machine']}, {figures['day']}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="length of one load run")
    parser.add_argument("--rounds", type=int, default=5, help="how often warm calls are measured")

    def measured(options: argparse.Namespace) -> dict[str, Any]:
        import pytest

        try:
            found = cluster()
        except (pytest.skip.Exception, pytest.fail.Exception) as reason:
            print(f"Pods are not measured: {reason}.")
            return {}
        return measure(found, options.seconds, options.rounds)

    run("kubernetes", measured, parser)


if __name__ == "__main__":
    main()
