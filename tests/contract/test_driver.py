"""The driver contract: what every driver promises, on each driver there is."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from pathlib import Path

import pytest

from emulator.driver import processes
from emulator.driver.base import Driver
from emulator.driver.cgroups import Group
from emulator.model.errors import ConfigurationError, DriverFault
from emulator.model.sandbox import Exit
from tests.contract.conftest import (
    ENGINES_TOO,
    LINUX,
    PODMAN_TOO,
    REMOTE_TOO,
    SCRIPTED_TOO,
    Start,
)
from tests.contract.sandboxes import (
    SLEEPERS,
    Runtime,
    ended,
    handler,
    is_jailed,
    limits_cpu_at_once,
    limits_memory,
    make_spec,
    signal_thawed,
    write_code,
)
from tests.patience import PATIENCE_S

# Starting and invoking ----------------------------------------------------------------------


@SCRIPTED_TOO
async def test_invokes(start: Start) -> None:
    runtime = await start(handler("return {'got': event}"))
    answer = await runtime.invoke({"a": "ü"})
    assert (answer.method, answer.path) == ("POST", "invocation/request-1/response")
    assert answer.json() == {"got": {"a": "ü"}}


@REMOTE_TOO
async def test_environment_is_exactly_what_was_given(start: Start, driver: Driver) -> None:
    os.environ["HOST_SECRET"] = "leaked"
    runtime = await start(handler("return dict(os.environ)"), environ={"OWN": "x=y ü"})
    environ = (await runtime.invoke({})).json()
    assert environ["OWN"] == "x=y ü"
    given = {
        "_HANDLER", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT",
        "LAMBDA_RUNTIME_DIR", "LD_LIBRARY_PATH", "PATH", "TZ", "OWN",
        "PYTHONPATH",  # set by the runtime itself, as AWS's does
    }  # fmt: skip
    assert set(environ) == given | (set() if is_jailed(driver) else {"TMPDIR"})


@REMOTE_TOO
async def test_code_is_at_the_task_root_and_can_not_be_written(
    start: Start, driver: Driver
) -> None:
    runtime = await start(
        handler(
            """
            root = os.environ["LAMBDA_TASK_ROOT"]
            try:
                open(root + "/new", "w")
                wrote = True
            except OSError:
                wrote = False
            return [root, os.getcwd(), sorted(os.listdir(root)), wrote, sys.argv, sys.path[0]]
            """
        )
    )
    root, here, names, wrote, argv, first = (await runtime.invoke({})).json()
    assert here == root == first
    assert "app.py" in names
    assert argv[0].endswith("/bootstrap.py")
    if is_jailed(driver):
        assert (root, wrote) == ("/var/task", False)


@REMOTE_TOO
async def test_layers_are_merged_at_opt(start: Start, driver: Driver, folder: Path) -> None:
    layers = []
    for number, name in enumerate(("lower", "upper")):
        layer = folder / f"{name}, layer:1"
        (layer / "python").mkdir(parents=True)
        (layer / "python" / f"only_{name}.py").write_text(f"value = {number}")
        (layer / "python" / "both.py").write_text(f"value = {name!r}")
        layers.append(layer)
    runtime = await start(
        "import both, only_lower, only_upper\n"
        + handler("return [both.value, only_lower.value, only_upper.value, both.__file__]"),
        layers=tuple(layers),
    )
    value, lower, upper, place = (await runtime.invoke({})).json()
    assert (value, lower, upper) == ("upper", 0, 1)
    if is_jailed(driver):
        assert place == "/opt/python/both.py"


async def test_the_aws_sdk_is_there_and_nothing_else_of_ours(start: Start, driver: Driver) -> None:
    if driver.name == "kubernetes":
        pytest.skip("its image claims to bring it: tests/contract/test_kubernetes_driver.py")
    runtime = await start(
        handler(
            """
            import importlib.util, boto3
            names = ["fastapi", "uvicorn", "docker", "typer", "emulator", "pytest", "samtranslator"]
            return [boto3.__name__, [n for n in names if importlib.util.find_spec(n)]]
            """
        ),
        memory_mb=1769,
    )
    assert (await runtime.invoke({})).json() == ["boto3", []]


async def test_the_users_own_packages_come_first(start: Start, folder: Path) -> None:
    code = write_code(folder, handler("import boto3; return boto3.own"))
    (code / "boto3.py").write_text("own = 'mine'")
    runtime = await start("", code=code)
    assert (await runtime.invoke({})).json() == "mine"


@ENGINES_TOO
async def test_output_arrives_in_order(start: Start) -> None:
    runtime = await start(
        handler(
            """
            for number in range(200):
                print("line", number, file=sys.stdout if number % 2 else sys.stderr)
            os.write(1, b"raw\\n")
            """
        )
    )
    await runtime.invoke({})
    text = await runtime.output("raw\n")
    lines = [line for line in text.splitlines() if line.startswith("line")]
    assert lines == [f"line {number}" for number in range(200)]


@SCRIPTED_TOO
async def test_a_large_payload_passes_both_ways(start: Start) -> None:
    runtime = await start(handler("return event"))
    event = {"data": "x" * 6_000_000}
    assert (await runtime.invoke(event)).json() == event


# The sandbox's walls ------------------------------------------------------------------------


@PODMAN_TOO
async def test_walls(start: Start, driver: Driver) -> None:
    if not is_jailed(driver):
        pytest.skip("has none, and says so in its notes")
    runtime = await start(
        handler(
            """
            import pwd, resource
            lines = open("/proc/self/status").read().splitlines()
            status = dict(line.split(":\\t", 1) for line in lines)
            def listing(path):
                try:
                    return os.listdir(path)
                except OSError as error:
                    return str(error)
            return {
                "user": pwd.getpwuid(os.getuid()).pw_name,
                "root": listing("/root"), "home": listing("/home"), "host": listing("/.host/root"),
                "processes": [name for name in os.listdir("/proc") if name.isdigit()],
                "capabilities": [status["CapEff"], status["CapPrm"], status["CapBnd"]],
                "privileges": status["NoNewPrivs"],
                "files": resource.getrlimit(resource.RLIMIT_NOFILE),
                "limit": resource.getrlimit(resource.RLIMIT_NPROC),
                "tmp": oct(os.stat("/tmp").st_mode), "task": os.stat("/var/task").st_mode & 0o777,
                "fds": sorted(int(fd) for fd in os.listdir("/proc/self/fd")),
                "writable": [
                    path for path in ("/", "/etc", "/usr", "/var", "/opt", "/dev", "/var/runtime")
                    if os.access(path, os.W_OK)
                ],
            }
            """
        )
    )
    seen = (await runtime.invoke({})).json()
    assert seen["user"] == "sbx_user1051"
    assert seen["root"] in ([], "[Errno 13] Permission denied: '/root'")
    assert seen["home"] == []
    assert "Errno" in str(seen["host"]) or seen["host"] == []
    assert len(seen["processes"]) == 2, "an init and the runtime"
    assert {int(mask, 16) for mask in seen["capabilities"]} == {0}
    assert seen["privileges"] == "1"
    assert (seen["files"], seen["limit"]) == ([1024, 1024], [742, 742])
    assert (seen["tmp"], seen["task"]) == ("0o41777", 0o755)
    assert len(seen["fds"]) <= 5
    assert seen["writable"] == []


async def test_tmp_is_private_kept_by_reset_and_gone_after_stop(
    start: Start, driver: Driver, folder: Path
) -> None:
    source = handler(
        """
        import tempfile
        path = os.path.join(tempfile.gettempdir(), "kept")
        before = os.path.exists(path)
        open(path, "a").close()
        globals()["count"] = globals().get("count", 0) + 1
        return [before, count]
        """
    )
    first, other = await start(source), await start(source)
    assert (await first.invoke({})).json() == [False, 1]
    assert (await first.invoke({})).json() == [True, 2]
    assert (await other.invoke({})).json() == [False, 1]
    spec = make_spec(write_code(folder, source))
    first.writer.close()
    again = await Runtime.of(driver, await driver.reset(first.sandbox, spec))
    await again.ready()
    assert (await again.invoke({})).json() == [True, 1]
    await again.stop()
    await other.stop()
    fresh = await start(source)
    assert (await fresh.invoke({})).json() == [False, 1]


@pytest.mark.skipif(not LINUX, reason="needs RLIMIT_FSIZE for others")
@PODMAN_TOO
async def test_tmp_takes_no_more_than_its_size(start: Start) -> None:
    runtime = await start(
        handler(
            """
            import os, tempfile
            try:
                with open(tempfile.gettempdir() + "/big", "wb") as file:
                    os.posix_fallocate(file.fileno(), 0, 600 * 1024 * 1024)
                return "written"
            except OSError as error:
                return type(error).__name__
            """
        )
    )
    assert (await runtime.invoke({})).json() == "OSError"


@ENGINES_TOO
async def test_the_environments_own_listener_admits_nobody_else(
    start: Start, driver: Driver
) -> None:
    source = handler(
        """
        import socket
        globals()["connection"] = socket.create_connection(tuple(event))
        """
    )
    own, other = await start(source), await start(source)
    if driver.reach_host_is_secret:
        pytest.skip("by the host it calls: tests/unit/pool/test_runtime_api.py")
    if any("have no way to this machine" in note for note in driver.notes()):
        pytest.skip("its sandboxes reach no listener here, and it says so in its notes")
    with socket.create_server((driver.listen_host, 0)) as listener:
        local = listener.getsockname()[:2]
        for runtime, expected in ((own, True), (other, False)):
            await runtime.invoke([driver.reach_host, local[1]])
            connection, peer = listener.accept()
            with connection:
                assert own.sandbox.admits(peer, local) is expected
        with socket.create_connection(local):
            connection, peer = listener.accept()
            with connection:
                assert not own.sandbox.admits(peer, local)
        assert not own.sandbox.admits((driver.listen_host, 1), local)


# Ends ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "end"),
    [
        ("import sys; sys.exit(0)", Exit(status=0)),
        ("import sys; sys.exit(3)", Exit(status=3)),
        ("import os; os._exit(255)", Exit(status=255)),
        ("import os; os.kill(os.getpid(), 9)", Exit(signal=9)),
        ("import os; os.kill(os.getpid(), 15)", Exit(signal=15)),
        ("import ctypes; ctypes.string_at(0)", Exit(signal=11)),
        ("import os; os.abort()", Exit(signal=6)),
    ],
)
async def test_ends(start: Start, source: str, end: Exit) -> None:
    runtime = await start(source, wait=False)
    assert await ended(runtime) == end


@SCRIPTED_TOO
async def test_a_reset_starts_the_runtime_anew(start: Start, driver: Driver, folder: Path) -> None:
    source = "seen = []\n" + handler("seen.append(event); return seen")
    first = await start(source)
    assert [(await first.invoke(n)).json() for n in (1, 2)] == [[1], [1, 2]]
    first.writer.close()
    again = await Runtime.of(
        driver, await driver.reset(first.sandbox, make_spec(write_code(folder, source)))
    )
    await again.ready()
    assert (await again.invoke(3)).json() == [3]
    await again.stop()


@SCRIPTED_TOO
async def test_a_kill_is_told_and_stop_can_be_repeated(start: Start, driver: Driver) -> None:
    runtime = await start(handler("return event"))
    await driver.kill(runtime.sandbox)
    assert await ended(runtime) == Exit(signal=9)
    await driver.stop(runtime.sandbox)
    await driver.stop(runtime.sandbox)


@SCRIPTED_TOO
async def test_a_handler_that_exits(start: Start) -> None:
    runtime = await start(handler("sys.exit(7)"))
    await runtime.send({})
    assert await ended(runtime) == Exit(status=7)


@ENGINES_TOO
async def test_too_much_memory_is_killed_by_the_kernel(start: Start, driver: Driver) -> None:
    if not limits_memory(driver):
        pytest.skip("has no control groups, and says so in its notes")
    runtime = await start(handler("return len(bytearray(700 * 1024 * 1024))"), memory_mb=128)
    await runtime.send({})
    assert await ended(runtime) == Exit(signal=9, out_of_memory=True)
    assert 100e6 < runtime.sandbox.memory_peak() <= 128 * 1024 * 1024


async def test_memory_peak_is_the_kernels(start: Start, driver: Driver) -> None:
    runtime = await start(handler("return len(bytearray(b'x' * 50_000_000))"), memory_mb=512)
    before = runtime.sandbox.memory_peak()
    if not LINUX:
        pytest.skip("needs /proc")
    if driver.name == "kubernetes":  # else it comes a tenth of a second later
        before = (await driver.usage(runtime.sandbox)).memory_peak
    assert 1e6 < before < 40e6
    await runtime.invoke({})
    if driver.name == "kubernetes":
        await driver.usage(runtime.sandbox)
    assert before + 45e6 < runtime.sandbox.memory_peak() < before + 130e6
    usage = await driver.usage(runtime.sandbox)
    assert usage.memory_peak >= runtime.sandbox.memory_peak() - 1e6
    assert usage.processes == 1
    assert usage.cpu_seconds >= 0


async def test_kill_ends_every_process(start: Start, driver: Driver) -> None:
    runtime = await start(
        handler(
            """
            import subprocess
            child = subprocess.Popen(["sleep", "1000"], start_new_session=True)
            subprocess.Popen(["sh", "-c", "setsid sleep 1001 & exit 0"]).wait()
            return child.pid
            """
        )
    )
    await runtime.invoke({})
    if LINUX:
        assert (await driver.usage(runtime.sandbox)).processes >= 3
    await driver.kill(runtime.sandbox)
    assert await ended(runtime) == Exit(signal=9)
    if LINUX:
        assert (await driver.usage(runtime.sandbox)).processes == 0


async def test_usage_may_be_asked_of_a_sandbox_that_is_being_stopped(
    start: Start, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = threading.Event()

    def slow(group: Group) -> int:
        stopped.wait(PATIENCE_S)
        return 0

    monkeypatch.setattr(Group, "memory", slow)
    sandbox = (await start(handler("return None"))).sandbox
    asked = asyncio.ensure_future(driver.usage(sandbox))
    await asyncio.sleep(0)
    await driver.stop(sandbox)
    stopped.set()
    assert (await asked).processes <= 1
    assert (await driver.usage(sandbox)).processes == 0


@pytest.mark.skipif(not LINUX, reason="needs /proc")
async def test_a_fork_bomb_stays_bounded(start: Start, driver: Driver) -> None:
    if not limits_memory(driver):
        pytest.skip("has no control groups, and says so in its notes")
    runtime = await start(
        handler(
            """
            import time
            made = 0
            try:
                while made < 3000:
                    if os.fork() == 0:
                        time.sleep(1000)
                    made += 1
            except OSError:
                pass
            return made
            """
        ),
        memory_mb=1769,
    )
    assert 100 < (await runtime.invoke({})).json() < 1100
    await driver.kill(runtime.sandbox)
    assert (await driver.usage(runtime.sandbox)).processes == 0


@REMOTE_TOO
async def test_cpu_is_in_proportion_to_memory_once_initialised(
    start: Start, driver: Driver, folder: Path, kind: str
) -> None:
    if not limits_cpu_at_once(driver):
        pytest.skip("limits no CPU, or later, and says so in its notes")
    source = handler(
        """
        import time
        start, used = time.monotonic(), time.process_time()
        while time.monotonic() - start < 0.3:
            pass
        return time.process_time() - used
        """
    )
    runtime = await start(source, memory_mb=177)
    driver.initialised(runtime.sandbox, make_spec(folder, memory_mb=177))
    # A tenth of a CPU, give or take the periods at both ends; never the whole of it.
    used = (await runtime.invoke({})).json()
    if kind == "docker-remote":  # the engine is asked, and does it soon
        async with asyncio.timeout(PATIENCE_S):
            while used >= 0.15:
                used = (await runtime.invoke({})).json()
    assert used < 0.15


async def test_waits_for_cpu_are_counted(start: Start, driver: Driver, folder: Path) -> None:
    if not limits_cpu_at_once(driver):
        pytest.skip("limits no CPU, or later, and says so in its notes")
    source = handler(
        """
        import time
        start = time.monotonic()
        while time.monotonic() - start < 0.3:
            pass
        """
    )
    runtime = await start(source, memory_mb=177)
    await runtime.invoke({})
    assert runtime.sandbox.throttled_s() == 0.0, "its init has all the CPU there is"
    driver.initialised(runtime.sandbox, make_spec(folder, memory_mb=177))
    began = time.monotonic()
    async with asyncio.timeout(PATIENCE_S):
        # On a busy machine it may get less of the CPU than its share, and waits for others.
        while runtime.sandbox.throttled_s() <= 0.1:
            await runtime.invoke({})
    # The kernel counts for each CPU that has one of its threads.
    most_s = (os.cpu_count() or 1) * (time.monotonic() - began)
    assert runtime.sandbox.throttled_s() < most_s


async def test_cpu_is_not_limited_if_so_asked(start: Start, driver: Driver, folder: Path) -> None:
    source = handler(
        """
        import time
        start = time.process_time()
        while time.process_time() - start < 0.2:
            pass
        """
    )
    runtime = await start(source, memory_mb=128, limit_cpu=False)
    driver.initialised(runtime.sandbox, make_spec(folder, memory_mb=128, limit_cpu=False))
    await runtime.invoke({})
    assert runtime.sandbox.throttled_s() == 0.0


@pytest.mark.skipif(not LINUX, reason="needs signals that stop others")
@ENGINES_TOO
async def test_frozen_makes_no_progress(start: Start, driver: Driver) -> None:
    runtime = await start(handler("return event"))
    await driver.freeze(runtime.sandbox)
    await runtime.send({"n": 1})
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await runtime.request()
    await driver.thaw(runtime.sandbox)
    assert (await runtime.request()).json() == {"n": 1}
    await driver.freeze(runtime.sandbox)
    await driver.kill(runtime.sandbox)
    assert await ended(runtime) == Exit(signal=9)


@pytest.mark.skipif(not LINUX, reason="needs signals that stop others")
async def test_a_signal_right_after_the_thaw_is_handled(
    start: Start, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the main thread, which sleeps among others that the kernel may wake before it."""
    monkeypatch.setattr(processes, "_GOES_ON_S", PATIENCE_S)
    await signal_thawed(driver, await start(SLEEPERS + handler("return event")))


# What users get wrong -----------------------------------------------------------------------


async def test_code_that_is_not_there_is_a_fault(driver: Driver, folder: Path) -> None:
    with pytest.raises(DriverFault):
        await driver.start(make_spec(folder / "nowhere"))


async def test_a_missing_wrapper_is_exit_status_127(start: Start) -> None:
    runtime = await start(
        handler(""), wait=False, environ={"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/none"}
    )
    assert await ended(runtime) == Exit(status=127)


@REMOTE_TOO
async def test_a_wrapper_starts_the_runtime(start: Start, folder: Path) -> None:
    code = write_code(folder, handler("return os.environ['WRAPPED']"))
    (code / "wrap").write_text('#!/bin/sh\nexport WRAPPED=yes\nexec "$@"\n')
    (code / "wrap").chmod(0o755)
    runtime = await start("", code=code, environ={"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrap"})
    assert (await runtime.invoke({})).json() == "yes"


async def test_variables_that_only_a_new_process_reads(start: Start) -> None:
    runtime = await start(
        handler("return sys.flags.hash_randomization"), environ={"PYTHONHASHSEED": "0"}
    )
    assert (await runtime.invoke({})).json() == 0


BOOTSTRAP = """\
#!/bin/sh
set -eu
exec python3 -c '
import http.client, os
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    event = api.getresponse()
    number = event.headers["Lambda-Runtime-Aws-Request-Id"]
    path = "/2018-06-01/runtime/invocation/%s/response" % number
    api.request("POST", path, event.read().upper())
    api.getresponse().read()
'
"""


@pytest.mark.skipif(not LINUX, reason="the peer of a connection is unknown elsewhere")
@ENGINES_TOO
async def test_provided_runs_the_codes_own_bootstrap(
    start: Start, driver: Driver, folder: Path
) -> None:
    if driver.name == "kubernetes":
        pytest.skip("runs zip functions in Python and Node.js alone, and says so")
    code = write_code(folder, BOOTSTRAP, "bootstrap")
    (code / "bootstrap").chmod(0o755)
    runtime = await start("", code=code, runtime="provided.al2023", memory_mb=1769)
    assert (await runtime.invoke("abc")).body == b'"ABC"'


@pytest.mark.parametrize(
    ("content", "mode", "text"),
    [
        (None, 0, "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"),
        ("#!/bin/sh\n", 0o644, "bootstrap: permission denied"),
        ("\x7fELF", 0o755, "bootstrap: exec format error"),
        ("#!/no/such/shell\n", 0o755, "bootstrap: no such file or directory"),
    ],
)
@PODMAN_TOO
async def test_provided_without_a_valid_bootstrap(
    driver: Driver, folder: Path, content: str | None, mode: int, text: str
) -> None:
    code = write_code(folder, "")
    if content is not None:
        (code / "bootstrap").write_text(content)
        (code / "bootstrap").chmod(mode)
    sandbox = await driver.start(make_spec(code, runtime="provided.al2023"))
    end = await asyncio.wait_for(sandbox.exited, PATIENCE_S)
    assert end.error_type == "Runtime.InvalidEntrypoint"
    assert end.message.endswith(text)
    await driver.stop(sandbox)


async def test_no_runtime_is_refused(driver: Driver) -> None:
    with pytest.raises(ConfigurationError):
        driver.check_runtime("no such runtime")
    assert driver.check_runtime("python3.11") is None
    if driver.name != "kubernetes":
        assert driver.check_runtime("provided.al2023") is None


# Many --------------------------------------------------------------------------------------


@REMOTE_TOO
async def test_many_at_once(start: Start, driver: Driver) -> None:
    many = {"docker": 8, "kubernetes": 16}.get(driver.name, 50)
    source = handler("return event")
    runtimes = await asyncio.gather(*(start(source, memory_mb=512) for _ in range(many)))
    answers = await asyncio.gather(*(one.invoke(n) for n, one in enumerate(runtimes)))
    assert [answer.json() for answer in answers] == list(range(many))
