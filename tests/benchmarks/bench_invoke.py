"""The benchmark of the invoke path: ``make bench``.

Starts the emulator as a process of its own, drives it over HTTP from this one, and prints a
table beside the floor of the same run (a raw ASGI echo under the same server). What a shared
machine gives changes from one moment to the next: what is to be compared is measured in turns,
several times, and the medians count. Functions run on the Python that the emulator runs on.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import io
import json
import operator
import os
import platform
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.benchmarks import load
from tests.benchmarks.figures import CONNECTIONS, Row, at_most, per_second, run, several

_INVOKE = "/2015-03-31/functions/{}/invocations"
_HANDLER = "def handler(event, context):\n    return event\n"
RUNTIME = f"python3.{sys.version_info.minor}"
_SLEEP = "import time\ndef handler(event, context):\n    time.sleep(0.2)\n    return 1\n"
_FLOOR = """
async def app(scope, receive, send):
    body, more = b"", True
    while more:
        message = await receive()
        body += message["body"]
        more = message.get("more_body")
    await send({"type": "http.response.start", "status": 200,
                "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def call(port: int, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, body, {"Host": "localhost"})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content


def wait_for(port: int, path: str, process: subprocess.Popen[bytes]) -> float:
    """Wait for an answer; returns when it came (``perf_counter``)."""
    while process.poll() is None:
        try:
            call(port, "GET", path)
        except OSError:
            time.sleep(0.002)
        else:
            return time.perf_counter()
    raise SystemExit("the server ended before it answered")


def write_functions(folder: Path, names: dict[str, str]) -> None:
    """Write functions of one whole vCPU: less memory is held to less CPU, here as on AWS."""
    resources = {}
    for name, code in names.items():
        (folder / name).mkdir()
        (folder / name / "app.py").write_text(code)
        resources["F" + name.replace("-", "")] = {
            "Type": "AWS::Serverless::Function",
            "Properties": {
                "FunctionName": name,
                "CodeUri": name,
                "Handler": "app.handler",
                "Runtime": RUNTIME,
                "MemorySize": 1769,
            },
        }
    (folder / "template.json").write_text(json.dumps({"Resources": resources}))


def ordinary_environ() -> dict[str, str]:
    """Return the environment of what is measured: Python keeps compiled code, as by default."""
    return {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@contextmanager
def emulator(folder: Path, *options: str) -> Iterator[tuple[int, int, float]]:
    """Yield (port, pid, milliseconds from launch to the first answer)."""
    port = free_port()
    command = [sys.executable, "-m", "emulator", "up", str(folder), "--port", str(port)]
    began = time.perf_counter()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [*command, "--quiet", "--no-watch", *options],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=ordinary_environ(),
        )
        try:
            ready = wait_for(port, "/2015-03-31/functions/", process)
            yield port, process.pid, (ready - began) * 1000
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


@contextmanager
def floor_server(folder: Path) -> Iterator[tuple[int, int]]:
    """Yield (port, pid)."""
    (folder / "floor.py").write_text(_FLOOR)
    port = free_port()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "uvicorn", "floor:app", "--port", str(port)),
            *("--lifespan", "off", "--no-access-log", "--log-level", "error"),
            *("--loop", "uvloop", "--http", "httptools"),
        ],
        cwd=folder,
    )
    try:
        wait_for(port, "/", process)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(10)


def memory_kb(pid: int, field: str) -> int:
    path = "smaps_rollup" if field == "Pss" else "status"
    for line in Path(f"/proc/{pid}/{path}").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1])
    raise ValueError(field)


def descendants(pid: int) -> list[int]:
    """Return all processes under ``pid``, deepest included."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found, todo = [], [pid]
    while todo:
        children = parents.get(todo.pop(), [])
        found += children
        todo += children
    return found


def shared_memory_mb(pid: int) -> float:
    """Return the memory of all processes of the emulator but itself, shared pages once."""
    return sum(memory_kb(child, "Pss") for child in descendants(pid)) / 1024


def environments(port: int) -> int:
    return len(json.loads(call(port, "GET", "/_emulator/environments")[1]))


def cpu_seconds(pid: int) -> tuple[float, float]:
    """Return the CPU time of a process, and that of all under it."""

    def taken(process: int) -> float:
        total = 0
        with suppress(OSError):  # ended meanwhile
            for thread in Path(f"/proc/{process}/task").iterdir():
                total += int((thread / "schedstat").read_text().split()[0])
        return total / 1e9

    return taken(pid), sum(map(taken, descendants(pid)))


Figures = dict[str, float]


def in_turns(rounds: int, runs: dict[str, Callable[[], Figures]]) -> dict[str, Figures]:
    """Measure each several times, one after the other; returns their medians."""
    taken: dict[str, list[Figures]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, once in runs.items():
            taken[name].append(once())
    return {
        name: {key: statistics.median(one[key] for one in several) for key in several[0]}
        for name, several in taken.items()
    }


def pace() -> Figures:
    """Return how fast this machine is just now: the ms that a million additions take Python."""
    began = time.perf_counter()
    total = 0
    for n in range(1_000_000):
        total += n
    return {"ms": (time.perf_counter() - began) * 1000}


def rates(port: int, pid: int, path: str, body: bytes, seconds: float) -> Figures:
    """Return a second's requests at 1, 8 and 32 connections, and the µs of CPU each took.

    Of CPU: the server's own, and that of the processes under it.
    """
    figures: Figures = {}
    request = load.http_post(path, body)
    for connections in CONNECTIONS:
        load.run(port, request, connections=connections, count=30)
        before = cpu_seconds(pid)
        result = load.run(port, request, connections=connections, seconds=seconds)
        after = cpu_seconds(pid)
        for name, start, end in zip(("cpu_us", "cpu_us_below"), before, after, strict=True):
            figures[f"{name}_{connections}"] = round((end - start) / len(result.latencies) * 1e6, 1)
        if result.errors:
            raise SystemExit(f"{result.errors} errors under load at {path}")
        figures[f"per_second_{connections}"] = round(result.per_second)
        if connections == 1:
            figures["p50_ms"] = round(result.p50, 3)
            figures["p99_ms"] = round(result.percentile(99), 3)
    return figures


def first_invokes(port: int, names: list[str]) -> dict[str, float]:
    times = []
    for name in names:
        time.sleep(0.1)  # let the stem cells refill, as between two people's first calls
        began = time.perf_counter()
        status, _ = call(port, "POST", _INVOKE.format(name), b"{}")
        times.append((time.perf_counter() - began) * 1000)
        assert status == 200
    return {
        "median_ms": round(statistics.median(times), 2),
        "minimum_ms": round(min(times), 2),
        "maximum_ms": round(max(times), 2),
    }


def burst(port: int, name: str, size: int = 50) -> float:
    request = load.http_post(_INVOKE.format(name), b"{}")
    result = load.run(port, request, connections=size, count=1)
    assert not result.errors
    return result.seconds * 1000


def create_to_result(port: int, name: str) -> float:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo("app.py")
        entry.external_attr = 0o644 << 16
        archive.writestr(entry, _HANDLER + f"# {name}\n")
    body = json.dumps(
        {
            "FunctionName": name,
            "Runtime": RUNTIME,
            "Handler": "app.handler",
            "MemorySize": 1769,
            "Role": "arn:aws:iam::000000000000:role/r",
            "Code": {"ZipFile": base64.b64encode(buffer.getvalue()).decode()},
        }
    ).encode()
    began = time.perf_counter()
    status, content = call(port, "POST", "/2015-03-31/functions", body)
    assert status == 201, content
    while b'"Pending"' in call(port, "GET", f"/2015-03-31/functions/{name}/configuration")[1]:
        time.sleep(0.001)
    status, content = call(port, "POST", _INVOKE.format(name), b"{}")
    assert status == 200, content
    return (time.perf_counter() - began) * 1000


def machine() -> str:
    """Say what this was measured on."""
    system = f"{platform.system()} {platform.release()}"
    with suppress(OSError):
        system = f"{platform.freedesktop_os_release()['PRETTY_NAME']}, {system}"
    return f"{os.cpu_count()} cores, {system}, Python {platform.python_version()}"


#: Functions of one template of the crowd.
_EACH_STACK = 200


def measure_crowd(seconds: float, rounds: int, crowd: int) -> dict[str, float]:
    """Return what one function's calls take beside many others, and what an environment holds."""
    with ExitStack() as stack:
        alone, crowded = (
            Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(2)
        )
        for folder in (alone, crowded):
            folder.chmod(0o755)
        write_functions(alone, {"f0": _HANDLER})
        # A template holds 500 resources: each of these functions has a role.
        stacks = [crowded / f"stack{first}" for first in range(0, 2 * crowd, _EACH_STACK)]
        for number, folder in enumerate(stacks):
            folder.mkdir()
            first, end = number * _EACH_STACK, min((number + 1) * _EACH_STACK, 2 * crowd)
            write_functions(folder, {f"f{n}": _HANDLER for n in range(first, end)})
        few, _, _ = stack.enter_context(emulator(alone))
        options = (*map(str, stacks[1:]), "--max-environments", str(crowd + 50))
        many, pid, _ = stack.enter_context(emulator(stacks[0], *options))
        time.sleep(1)  # until the stem cells are there
        before, there = shared_memory_mb(pid), environments(many)
        for n in range(crowd):
            call(many, "POST", _INVOKE.format(f"f{n}"), b"{}")
        time.sleep(1)
        more = environments(many) - there
        pss = (shared_memory_mb(pid) - before) / more

        def p50(port: int) -> Figures:
            request = load.http_post(_INVOKE.format("f0"), b"{}")
            load.run(port, request, connections=1, count=30)
            return {"p50_ms": load.run(port, request, connections=1, seconds=seconds).p50}

        taken = in_turns(rounds, {"alone": lambda: p50(few), "crowded": lambda: p50(many)})
    return {
        "functions": 2 * crowd,
        "idle_environments": crowd,
        "environment_pss_mb": round(pss, 2),
        "p50_ms": round(taken["crowded"]["p50_ms"], 3),
        "p50_ms_alone": round(taken["alone"]["p50_ms"], 3),
    }


def measure(seconds: float, rounds: int, crowd: int) -> dict[str, Any]:
    figures: dict[str, Any] = {"machine": machine()}
    big = json.dumps("x" * 100_000).encode()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        floor_folder, folder = folder, folder / "functions"
        folder.mkdir()
        fresh = [f"fresh-{n}" for n in range(20)]
        write_functions(
            folder, {"echo": _HANDLER, "sleeper": _SLEEP, **dict.fromkeys(fresh, _HANDLER)}
        )
        starts = []
        for _ in range(6):
            with emulator(folder) as (port, pid, started):
                starts.append(started)
        # The first one may have compiled what it imported.
        figures["start_ms"] = round(statistics.median(starts[1:]))
        with emulator(folder) as (port, pid, _):
            time.sleep(1)
            figures["idle_rss_mb"] = round(memory_kb(pid, "VmRSS") / 1024, 1)
            figures["first_invoke"] = first_invokes(port, fresh)
            figures["create_to_result_ms"] = round(
                statistics.median(create_to_result(port, f"new-{n}") for n in range(5)), 1
            )
            with floor_server(floor_folder) as floor:
                echo = port, pid, _INVOKE.format("echo")
                figures |= in_turns(
                    rounds,
                    {
                        "pace": pace,
                        "floor": lambda: rates(*floor, "/", b"{}", seconds),
                        "warm": lambda: rates(*echo, b"{}", seconds),
                        "floor_100kb": lambda: rates(*floor, "/", big, seconds),
                        "warm_100kb": lambda: rates(*echo, big, seconds),
                    },
                )
        bursts = []
        for _ in range(3):
            with emulator(folder) as (port, pid, _):
                time.sleep(1)
                bursts.append(burst(port, "sleeper"))
        figures["burst_50_ms"] = round(statistics.median(bursts))
        with emulator(folder, "--no-stem-cells") as (port, _, _):
            time.sleep(1)
            figures["first_invoke_no_stems"] = first_invokes(port, fresh)
    figures["crowd"] = measure_crowd(seconds, rounds, crowd)
    return figures


def rows(figures: dict[str, Any]) -> Iterator[Row]:
    """Yield what ``measure`` returned as rows of the table of figures."""
    warm, big, crowd = figures["warm"], figures["warm_100kb"], figures["crowd"]
    first, stemless = figures["first_invoke"], figures["first_invoke_no_stems"]
    yield at_most("first invoke of a fresh Python function", first["median_ms"], 8, "ms")
    yield at_most("the same without stem cells", stemless["median_ms"], 15, "ms")
    yield Row(
        "warm p50 / p99 at 1 connection",
        f"{warm['p50_ms']:.3f} / {warm['p99_ms']:.3f} ms",
        "p50 ≤ 0.3 ms",
        warm["p50_ms"] <= 0.3,
    )
    yield Row(
        "warm invokes a second at 1 / 8 / 32 connections",
        several(per_second(warm)),
        "≥ 3,000 / 6,000 / 8,000",
        all(map(operator.ge, per_second(warm), (3000, 6000, 8000))),
    )
    yield Row("the CPU time of each, emulator + runtimes", _cpu_times(warm))
    yield Row(
        "100 KB echo, invokes a second at 1 / 8 / 32",
        several(per_second(big)),
        "≥ 1,500 at 1",
        big["per_second_1"] >= 1500,
    )
    yield at_most(
        "50 concurrent invokes of a 200 ms sleep, cold", figures["burst_50_ms"], 500, "ms"
    )
    yield at_most("create to first result", figures["create_to_result_ms"], 60, "ms")
    yield at_most("start to first answer", figures["start_ms"], 300, "ms")
    yield at_most("idle memory (RSS)", figures["idle_rss_mb"], 48, "MB")
    yield at_most(
        "memory of an idle Python environment (PSS)", crowd["environment_pss_mb"], 4, "MB"
    )
    yield Row(
        f"warm p50 with {crowd['functions']:,} functions and "
        f"{crowd['idle_environments']} idle environments (with one)",
        f"{crowd['p50_ms']} ms ({crowd['p50_ms_alone']} ms)",
    )
    yield Row(
        "floor: raw ASGI echo, requests a second at 1 / 8 / 32",
        several(per_second(figures["floor"])),
    )
    yield Row("floor: the same with 100 KB", several(per_second(figures["floor_100kb"])))
    yield Row("floor: a million additions in Python", f"{figures['pace']['ms']:.0f} ms")


def _cpu_times(rate: dict[str, Any]) -> str:
    times = ((rate[f"cpu_us_{n}"], rate[f"cpu_us_below_{n}"]) for n in CONNECTIONS)
    return " / ".join(" + ".join(f"{us:.0f}" for us in time if us) for time in times) + " µs"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="length of one load run")
    parser.add_argument("--rounds", type=int, default=7, help="how often each is measured")
    parser.add_argument("--crowd", type=int, default=500, help="idle environments of the last run")
    run("invoke", lambda it: measure(it.seconds, it.rounds, it.crowd), parser)


if __name__ == "__main__":
    main()
