"""What goes wrong in functions, as AWS shows it: one test for each row of the list of faults.

Everything is real: the emulator over HTTP, boto3, processes and containers.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.acceptance.drivers import DRIVERS, settings
from tests.api.conftest import Running, create, zip_of
from tests.patience import until

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


@pytest.fixture(scope="module", params=DRIVERS)
def emulator(request: pytest.FixtureRequest) -> Iterator[Running]:
    running = Running(settings(request.param))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def client(emulator: Running) -> Any:
    return emulator.client("lambda")


class Call:
    """An invoke's answer, taken apart."""

    def __init__(self, answer: Any) -> None:
        self.error: str | None = answer.get("FunctionError")
        text = answer["Payload"].read()
        self.payload: Any = json.loads(text) if text else None
        self.log = base64.b64decode(answer["LogResult"]).decode()


def run(
    client: Any,
    name: str,
    code: str,
    event: Any = None,
    handler: str = "app.handler",
    **fields: Any,
) -> Call:
    """Create a function of ``code`` (once) and invoke it; its time limit is no part of the test."""
    fields.setdefault("Timeout", 60)
    try:
        client.get_function(FunctionName=name)
    except client.exceptions.ResourceNotFoundException:
        create(client, name, Code={"ZipFile": zip_of(app__py=code)}, Handler=handler, **fields)
        client.get_waiter("function_active_v2").wait(FunctionName=name)
    return again(client, name, event)


def again(client: Any, name: str, event: Any = None) -> Call:
    return Call(
        client.invoke(
            FunctionName=name, LogType="Tail", Payload=json.dumps(event if event else {}).encode()
        )
    )


def whole_log(emulator: Running, name: str) -> list[str]:
    """Every line a function has logged."""

    def read() -> list[str]:
        group = emulator.emulator.logs.groups[("000000000000", "us-east-1")][f"/aws/lambda/{name}"]
        events = [event for stream in group.streams.values() for event in stream.events]
        return [event.message for event in sorted(events, key=lambda event: event.sequence)]

    return emulator.call(read)


def test_f1_handler_raises(client: Any) -> None:
    code = """
class CustomException(Exception): ...
def handler(event, context):
    raise CustomException("some error happened")
"""
    call = run(client, "f1", code)
    assert call.error == "Unhandled"
    assert re.fullmatch(UUID, call.payload.pop("requestId"))
    assert call.payload == {
        "errorMessage": "some error happened",
        "errorType": "CustomException",
        "stackTrace": [
            '  File "/var/task/app.py", line 4, in handler\n'
            '    raise CustomException("some error happened")\n'
        ],
    }
    assert "[ERROR] CustomException: some error happened\nTraceback (most recent call last):" in (
        call.log
    )
    assert "\xa0\xa0File" in call.log
    assert "\r" not in call.log
    assert re.search(r"^REPORT .*Memory Size: 128 MB\tMax Memory Used: \d+ MB", call.log, re.M)


def test_f1_a_traceback_is_one_event(emulator: Running, client: Any) -> None:
    code = "def handler(event, context):\n    raise KeyError('x')\n"
    run(client, "f1event", code)
    (event,) = [line for line in whole_log(emulator, "f1event") if "[ERROR]" in line]
    assert event == (
        "[ERROR] KeyError: 'x'\nTraceback (most recent call last):\n"
        '\xa0\xa0File "/var/task/app.py", line 2, in handler\n'
        "\xa0\xa0\xa0\xa0raise KeyError('x')"
    )


PARTIAL = """
import os, sys, time
print("at import", end="")
def handler(event, context):
    os.write(1, b"partial %d" % event["n"])
    if event["then"] == "exit":
        os._exit(1)
    if event["then"] == "crash":
        os.kill(os.getpid(), 11)
    if event["then"] == "sleep":
        time.sleep(30)
"""


@pytest.mark.parametrize("then", ["answer", "exit", "crash", "sleep"])
def test_output_without_a_newline_belongs_to_its_own_invocation(
    emulator: Running, client: Any, then: str
) -> None:
    name = f"partial-{then}"
    first = run(client, name, PARTIAL, {"n": 1, "then": then}, Timeout=8 if then == "sleep" else 60)
    second = again(client, name, {"n": 2, "then": "answer"})
    assert re.search(r"^partial 1$(\n.* Task timed out .*)?\nEND ", first.log, re.M)
    assert re.search(r"^partial 2\nEND ", second.log, re.M)
    assert "partial 1" not in second.log
    log = [line for line in whole_log(emulator, name) if line.startswith(("at im", "part", "END"))]
    inits = ["at import"] if then != "answer" else []
    assert log == ["at import", "partial 1", "END" + log[2][3:], *inits, "partial 2", log[-1]]


def test_f1_the_environment_is_kept(client: Any) -> None:
    code = "n = 0\ndef handler(event, context):\n    global n; n += 1; raise ValueError(n)\n"
    run(client, "f1b", code)
    assert again(client, "f1b").payload["errorMessage"] == "2"


TIMES_OUT = """
import os, time, uuid
state = str(uuid.uuid4())
def handler(event, context):
    if event.get("write"):
        open("/tmp/mark", "w").write(state)
        time.sleep(30)
    return {"mark": open("/tmp/mark").read(), "state": state}
"""


def test_f2_timeout_keeps_tmp_and_forgets_globals(client: Any) -> None:
    call = run(client, "f2", TIMES_OUT, {"write": True}, Timeout=8)
    assert call.error == "Unhandled"
    assert call.payload["errorType"] == "Sandbox.Timedout"
    assert re.fullmatch(
        rf"RequestId: {UUID} Error: Task timed out after 8\.00 seconds",
        call.payload["errorMessage"],
    )
    assert re.search(
        rf"^\d{{4}}-\d\d-\d\dT[\d:.]+Z {UUID} Task timed out after 8\.00 seconds$", call.log, re.M
    )
    assert re.search(r"^REPORT .*Duration: 8000\.00 ms\tBilled .*Status: timeout$", call.log, re.M)
    payload = again(client, "f2").payload
    assert payload["mark"]
    assert payload["state"] != payload["mark"], "globals were kept"


def test_f3_init_raises(client: Any, emulator: Running) -> None:
    call = run(client, "f3", 'raise Exception("Runtime startup fails")\n')
    assert call.error == "Unhandled"
    assert call.payload["errorMessage"] == "Runtime startup fails"
    assert call.payload["errorType"] == "Exception"
    assert call.payload["requestId"] == ""
    assert call.payload["stackTrace"][-1] == (
        '  File "/var/task/app.py", line 1, in <module>\n'
        '    raise Exception("Runtime startup fails")\n'
    )
    reports = [line for line in whole_log(emulator, "f3") if line.startswith("INIT_REPORT")]
    phases = [re.findall(r"Phase: (\w+)\tStatus: error", line) for line in reports]
    assert phases == [["init"], ["invoke"]]


def test_f3_import_error(client: Any, emulator: Running) -> None:
    call = run(client, "f3b", "import nowhere\n")
    assert call.payload["errorType"] == "Runtime.ImportModuleError"
    assert call.payload["errorMessage"] == (
        "Unable to import module 'app': No module named 'nowhere'"
    )
    assert any(
        "Status: error\tError Type: Runtime.ImportModuleError" in line
        for line in whole_log(emulator, "f3b")
    )


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("f4-init", "import sys\nsys.exit(0)\n"),
        ("f4-handler", "import sys\ndef handler(event, context):\n    sys.exit(0)\n"),
    ],
)
def test_f4_exit_0(client: Any, name: str, code: str) -> None:
    call = run(client, name, code)
    assert call.error == "Unhandled"
    assert call.payload["errorType"] == "Runtime.ExitError"
    assert re.fullmatch(
        rf"RequestId: {UUID} Error: Runtime exited without providing a reason",
        call.payload["errorMessage"],
    )
    assert "Status: error\tError Type: Runtime.ExitError" in call.log


def test_f5_exec_wrapper_is_missing(client: Any) -> None:
    call = run(
        client,
        "f5",
        "def handler(event, context):\n    return 1\n",
        Environment={"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/nothing"}},
    )
    assert call.payload["errorType"] == "Runtime.ExitError"
    assert call.payload["errorMessage"].endswith("Runtime exited with error: exit status 127")
    assert re.search(r"^/var/task/nothing: does not exist$", call.log, re.M)


def test_f5_exec_wrapper_is_no_executable(client: Any) -> None:
    call = run(
        client,
        "f5-mode",
        "def handler(event, context):\n    return 1\n",
        Environment={"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/app.py"}},
    )
    assert call.payload["errorType"] == "Runtime.ExitError"
    assert call.payload["errorMessage"].endswith("Runtime exited with error: exit status 126")
    assert re.search(r"^/var/task/app\.py: is not an executable$", call.log, re.M)


def test_f6_init_hangs(emulator: Running) -> None:
    """The ten seconds of the init phase are the only setting made shorter here."""
    from dataclasses import replace

    def shorten() -> None:
        pools = emulator.emulator.pools
        pools.settings = replace(pools.settings, init_timeout_s=0.3)

    def restore() -> None:
        pools = emulator.emulator.pools
        pools.settings = replace(pools.settings, init_timeout_s=10.0)

    emulator.call(shorten)
    try:
        call = run(emulator.client("lambda"), "f6", "import time\ntime.sleep(60)\n", Timeout=1)
    finally:
        emulator.call(restore)
    assert call.payload["errorType"] == "Sandbox.Timedout"
    assert call.payload["errorMessage"].endswith("Task timed out after 1.00 seconds")
    log = whole_log(emulator, "f6")
    assert any(re.match(r"INIT_REPORT .*\tPhase: init\tStatus: timeout", line) for line in log)


def test_f7_out_of_memory(client: Any, emulator: Running) -> None:
    notes = emulator.emulator.driver.notes()
    if any("memory" in note.lower() for note in notes):
        pytest.skip(f"memory limits can't be enforced here: {notes}")
    code = """
def handler(event, context):
    if event.get("fill"):
        return len(bytearray(b"x") * (700 * 1024 * 1024))
    return 1
"""
    call = run(client, "f7", code, {"fill": True}, MemorySize=128)
    assert call.payload["errorType"] == "Runtime.ExitError"
    assert call.payload["errorMessage"].endswith("Runtime exited with error: signal: killed")
    (report,) = re.findall(r"^REPORT.*$", call.log, re.M)
    assert "Memory Size: 128 MB\tMax Memory Used: 128 MB" in report
    assert report.endswith("Status: error\tError Type: Runtime.OutOfMemory")
    assert again(client, "f7").payload == 1


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("os._exit(3)", "exit status 3"),
        ("os.kill(os.getpid(), 9)", "signal: killed"),
        ("os.kill(os.getpid(), 11)", "signal: segmentation fault"),
        ("os.abort()", "signal: aborted"),
    ],
)
def test_f8_exits_and_signals(client: Any, statement: str, reason: str) -> None:
    name = "f8-" + re.sub(r"\W+", "-", statement).strip("-")
    call = run(client, name, f"import os\ndef handler(event, context):\n    {statement}\n")
    assert call.payload["errorType"] == "Runtime.ExitError"
    assert call.payload["errorMessage"].endswith(f"Error: Runtime exited with error: {reason}")
    assert "Status: error" in call.log


def test_f9_bad_handler(client: Any) -> None:
    code = "def handler(event, context):\n    return 1\n"
    call = run(client, "f9", code, handler="app.nothing")
    assert call.payload["errorType"] == "Runtime.HandlerNotFound"
    assert call.payload["errorMessage"] == "Handler 'nothing' missing on module 'app'"
    call = run(client, "f9b", code, handler="other.handler")
    assert call.payload["errorType"] == "Runtime.ImportModuleError"
    call = run(client, "f9c", "def broken(:\n")
    assert call.payload["errorType"] == "Runtime.UserCodeSyntaxError"


def test_f9_invalid_entrypoint(client: Any) -> None:
    call = run(client, "f9d", "", handler="x", Runtime="provided.al2023")
    assert call.payload["errorType"] == "Runtime.InvalidEntrypoint"


def test_f10_response_over_6_mb(client: Any) -> None:
    code = """
def handler(event, context):
    return "x" * event["size"] if "size" in event else 1
"""
    call = run(client, "f10", code, {"size": 6 * 1024 * 1024 + 200})
    assert call.error == "Unhandled"
    assert call.payload == {
        "errorType": "Function.ResponseSizeTooLarge",
        "errorMessage": "Response payload size exceeded maximum allowed payload size "
        "(6291556 bytes).",
    }
    assert again(client, "f10").payload == 1
    assert len(again(client, "f10", {"size": 6 * 1024 * 1024}).payload) == 6 * 1024 * 1024


def test_f14_account_concurrency(client: Any, emulator: Running) -> None:
    emulator.call(lambda: setattr(emulator.emulator.admission, "limit", 0))
    try:
        with pytest.raises(client.exceptions.TooManyRequestsException) as raised:
            run(client, "f14", "def handler(event, context):\n    return 1\n")
    finally:
        emulator.call(lambda: setattr(emulator.emulator.admission, "limit", 1000))
    assert raised.value.response["Reason"] == "ConcurrentInvocationLimitExceeded"
    assert raised.value.response["Type"] == "User"
    assert raised.value.response["Error"]["Message"] == "Rate Exceeded."


def test_f15_unknown_function(client: Any) -> None:
    with pytest.raises(client.exceptions.ResourceNotFoundException) as raised:
        client.invoke(FunctionName="nobody")
    arn = "arn:aws:lambda:us-east-1:000000000000:function:nobody"
    assert raised.value.response["Message"] == f"Function not found: {arn}:$LATEST"
    with pytest.raises(client.exceptions.ResourceNotFoundException) as raised:
        client.get_function(FunctionName="nobody")
    assert raised.value.response["Message"] == f"Function not found: {arn}"


def test_f18_code_too_large(client: Any) -> None:
    with pytest.raises(ClientError) as raised:
        create(client, "f18", Code={"ZipFile": b"x" * (50 * 1024 * 1024 + 1)})
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert raised.value.response["Error"]["Code"] == "RequestEntityTooLargeException"
    assert raised.value.response["Error"]["Message"] == (
        "Zipped size must be smaller than 52428800 bytes"
    )
    with pytest.raises(ClientError) as raised:
        create(client, "f18", Code={"ZipFile": b"x" * (60 * 1024 * 1024)})
    assert raised.value.response["Error"]["Message"] == (
        "Request must be smaller than 70167211 bytes for the CreateFunction operation"
    )
    bomb = zip_of(app__py="\0" * (262144000 + 1))
    with pytest.raises(ClientError, match="Unzipped size must be smaller than 262144000 bytes"):
        create(client, "f18", Code={"ZipFile": bomb})


def test_f26_shutdown_is_a_kill(client: Any, emulator: Running) -> None:
    """Without extensions AWS kills the runtime outright: no handler for SIGTERM runs."""
    code = """
import signal
def late(*_): print("SIGTERM seen", flush=True)
signal.signal(signal.SIGTERM, late)
def handler(event, context): return 1
"""
    run(client, "f26", code)
    client.update_function_configuration(FunctionName="f26", Timeout=5)

    def left() -> list[str]:
        environments = emulator.emulator.pools.environments.values()
        return [each.id for each in environments if each.version.name == "f26"]

    until(lambda: not emulator.call(left))
    assert not any("SIGTERM" in line for line in whole_log(emulator, "f26"))


def test_f28_runtime_api_misuse(client: Any) -> None:
    code = """
import http.client, os
def call(method, path, body=b""):
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    connection.request(method, "/2018-06-01/runtime/" + path, body)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()
def handler(event, context):
    return {
        "unknown": call("POST", "invocation/none/response", b"1"),
        "init": call("POST", "init/error", b"{}"),
        "large": call("POST", "invocation/none/response", b"x" * (6291556 + 1)),
        "route": call("GET", "nothing"),
    }
"""
    payload = run(client, "f28", code).payload
    assert payload["unknown"][0] == 400
    assert json.loads(payload["unknown"][1])["errorType"] == "InvalidRequestID"
    assert payload["init"][0] == 403
    assert json.loads(payload["init"][1])["errorType"] == "InvalidStateTransition"
    assert payload["large"][0] == 413
    assert json.loads(payload["large"][1]) == {
        "errorType": "RequestEntityTooLarge",
        "errorMessage": "Exceeded maximum allowed payload size (6291556 bytes).",
    }
    assert payload["route"][0] == 404


def test_f29_log_lines_of_a_normal_invoke(client: Any, emulator: Running) -> None:
    code = "print('loading')\ndef handler(event, context):\n    print('hello')\n    return 1\n"
    run(client, "f29", code)
    again(client, "f29")
    log = whole_log(emulator, "f29")
    assert re.fullmatch(
        r"INIT_START Runtime Version: python:3\.12\.v\d+\tRuntime Version ARN: "
        r"arn:aws:lambda:us-east-1::runtime:\S+",
        log[0],
    )
    assert log[1] == "loading"
    (request_id,) = re.findall(rf"^START RequestId: ({UUID}) Version: \$LATEST$", log[2])
    assert log[3] == "hello"
    assert log[4] == f"END RequestId: {request_id}"
    cold = re.fullmatch(
        rf"REPORT RequestId: {request_id}\tDuration: (\d+\.\d\d) ms\tBilled Duration: (\d+) ms\t"
        r"Memory Size: 128 MB\tMax Memory Used: (\d+) MB\tInit Duration: (\d+\.\d\d) ms\t",
        log[5],
    )
    assert cold is not None
    duration, billed, used, init = (float(group) for group in cold.groups())
    assert billed >= duration + init > billed - 2
    assert 0 < used <= 128
    assert [line.split()[0] for line in log[6:]] == ["START", "hello", "END", "REPORT"]
    assert "Init Duration" not in log[-1]


def test_f30_limits_inside(client: Any, emulator: Running) -> None:
    code = """
import os, pwd, resource
def handler(event, context):
    tmp = os.statvfs("/tmp")
    return {
        "nofile": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        "nproc": resource.getrlimit(resource.RLIMIT_NPROC)[0],
        "core": resource.getrlimit(resource.RLIMIT_CORE),
        "memlock": resource.getrlimit(resource.RLIMIT_MEMLOCK),
        "user": pwd.getpwuid(os.getuid()).pw_name,
        "task": [os.stat("/var/task").st_uid, oct(os.stat("/var/task").st_mode & 0o7777)],
        "tmp": oct(os.stat("/tmp").st_mode & 0o7777),
        "size": tmp.f_blocks * tmp.f_frsize // 1048576,
        "writable": os.access("/var/task", os.W_OK),
    }
"""
    if any("namespace" in note.lower() for note in emulator.emulator.driver.notes()):
        pytest.skip("no namespaces here")
    payload = run(client, "f30", code).payload
    assert payload["nofile"] == 1024
    assert payload["nproc"] == 742
    if not any("rootless" in note for note in emulator.emulator.driver.notes()):
        assert payload["core"] == [10737418240, 10737418240]
        assert payload["memlock"] == [65536, 65536]
    assert payload["user"] == "sbx_user1051"
    # An ordinary user's namespace knows one user only, and shows as that what is the user's own.
    mapped = emulator.emulator.driver.name == "process" and os.getuid() != 0
    owner = 993 if mapped else 0
    assert payload["task"] == [owner, "0o755"]
    assert payload["tmp"] == "0o1777"
    assert not payload["writable"]
    if not any("size of /tmp" in note for note in emulator.emulator.driver.notes()):
        assert 512 <= payload["size"] < 560
