"""The Node.js bootstrap against a Runtime API that the test plays itself."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httptools
import pytest

from emulator.telemetry.frames import FrameReader
from tests.needs import need
from tests.node_versions import VERSIONS, node
from tests.patience import PATIENCE_S

BOOTSTRAP = Path(__file__).parents[2] / "runtimes/nodejs/bootstrap.mjs"
#: Further interpreters to try, beside the one on the path: names of executables, by colons.
NODES = ["node", *filter(shutil.which, os.environ.get("LOCALFAAS_TEST_NODES", "").split(":"))]

ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"
LOG_LINE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\t(\S+)\t(\w+)\t(.*)$", re.M)


@dataclass
class Request:
    """What the runtime sent: one request of the Runtime API."""

    method: str = ""
    path: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    chunks: list[bytes] = field(default_factory=list)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Requests:
    """Cuts what a runtime sends into requests; trailers count as headers."""

    def __init__(self) -> None:
        self.complete: list[Request] = []
        self._now = Request()
        self._parser = httptools.HttpRequestParser(self)
        self.feed = self._parser.feed_data

    def on_url(self, url: bytes) -> None:
        self._now.path = url.decode().removeprefix("/2018-06-01/runtime/")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._now.headers[name.decode().lower()] = value.decode()

    def on_body(self, body: bytes) -> None:
        self._now.chunks.append(body)

    def on_message_complete(self) -> None:
        self._now.method = self._parser.get_method().decode()
        self._now.body = b"".join(self._now.chunks)
        self.complete.append(self._now)
        self._now = Request()


class Runtime:
    """A started bootstrap, and the Runtime API it talks to."""

    def __init__(self, code: Path, node: str, handler: str, environ: dict[str, str]) -> None:
        self.environ = {
            "PATH": os.environ["PATH"],
            "AWS_EXECUTION_ENV": "AWS_Lambda_nodejs20.x",
            "AWS_LAMBDA_FUNCTION_NAME": "f",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/f",
            "AWS_LAMBDA_LOG_STREAM_NAME": "stream",
            "LAMBDA_TASK_ROOT": str(code),
            "_HANDLER": handler,
            **environ,
        }
        self.code, self.node, self.handler = code, node, handler
        self.count = 0
        self._requests = Requests()

    def start(self) -> Runtime:
        """Start as the process driver does: the channel as file descriptor 3."""
        self.channel, theirs = socket.socketpair()
        self.channel.settimeout(PATIENCE_S)
        self.process = subprocess.Popen(
            [
                "sh",
                "-c",
                'exec "$@" 3<&0 0</dev/null',
                "sh",
                self.node,
                str(BOOTSTRAP),
                "--channel",
            ],
            stdin=theirs.fileno(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={"PATH": os.environ["PATH"], "SECRET_OF_HOST": "x"},
        )
        theirs.close()
        order = {"environ": self.environ, "cwd": str(self.code), "handler": self.handler}
        self.channel.sendall(json.dumps(order).encode() + b"\n")
        return self

    def start_in_container(self) -> Runtime:
        """Start as the Docker driver does: no inherited descriptors, but a socket to connect to."""
        # Beside the code, under a relative name: a socket's path is short.
        path = self.code.parent / "stem.sock"
        with socket.socket(socket.AF_UNIX) as server:
            here = os.open(path.parent, os.O_RDONLY)
            try:
                server.bind(f"/proc/self/fd/{here}/{path.name}")
            finally:
                os.close(here)
            server.listen()
            server.settimeout(PATIENCE_S)
            self.process = subprocess.Popen(
                [self.node, BOOTSTRAP, "--channel"],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=path.parent,
                env={"PATH": os.environ["PATH"], "LOCALFAAS_STEM_SOCKET": path.name},
            )
            self.channel, _ = server.accept()
        path.unlink()
        self.channel.settimeout(PATIENCE_S)
        order = {"environ": self.environ, "cwd": str(self.code), "handler": self.handler}
        self.channel.sendall(json.dumps(order).encode() + b"\n")
        return self

    def start_tcp(self) -> Runtime:
        """Start as an image does: everything in the environment, the Runtime API over TCP."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(PATIENCE_S)
            address = f"127.0.0.1:{server.getsockname()[1]}"
            self.process = subprocess.Popen(
                [self.node, BOOTSTRAP],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=self.code,
                env={**self.environ, "AWS_LAMBDA_RUNTIME_API": address},
            )
            self.channel, _ = server.accept()
        self.channel.settimeout(PATIENCE_S)
        return self

    def receive(self) -> Request:
        while not self._requests.complete:
            data = self.channel.recv(1 << 20)
            assert data, f"the runtime hung up: {self.output()}"
            self._requests.feed(data)
        return self._requests.complete.pop(0)

    def ready(self) -> Runtime:
        """Wait for the call of ``next``."""
        request = self.receive()
        assert (request.method, request.path) == ("GET", "invocation/next"), request
        return self

    def send(self, event: Any, **headers: str) -> str:
        """Answer the waiting ``next``; return the request id."""
        self.count += 1
        request_id = f"00000000-0000-4000-8000-{self.count:012}"
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        lines = {
            "Lambda-Runtime-Aws-Request-Id": request_id,
            "Lambda-Runtime-Deadline-Ms": str(int(time.time() * 1000) + 3000),
            "Lambda-Runtime-Invoked-Function-Arn": ARN,
            "Lambda-Runtime-Trace-Id": "Root=1-x",
            "Content-Length": str(len(body)),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self.channel.sendall(b"HTTP/1.1 200 OK\r\n" + head.encode() + b"\r\n" + body)
        return request_id

    def accept(self, request_id: str, status: str = "202 Accepted") -> Request:
        request = self.receive()
        assert request.method == "POST"
        assert request.path.startswith(f"invocation/{request_id}/"), request
        body = b'{"status":"OK"}\n'
        self.channel.sendall(
            b"HTTP/1.1 %s\r\nContent-Length: 16\r\n\r\n%s" % (status.encode(), body)
        )
        return request

    def invoke(self, event: Any = None, **headers: str) -> Request:
        """Do one whole invocation, up to the next call of ``next``."""
        request = self.accept(self.send(event, **headers))
        self.ready()
        return request

    def fatal(self) -> tuple[Request, int]:
        """Take the report of a fatal error; return it and the exit status."""
        request = self.receive()
        self.channel.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
        return request, self.process.wait(PATIENCE_S)

    def output(self) -> str:
        """End the runtime; return all it has printed."""
        return self.raw_output().decode()

    def raw_output(self) -> bytes:
        self.channel.close()
        try:
            text, _ = self.process.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            text, _ = self.process.communicate()
        return text

    def logs(self) -> list[tuple[str, str, str]]:
        return LOG_LINE.findall(self.output())


STARTS = [Runtime.start, Runtime.start_in_container, Runtime.start_tcp]
Make = Callable[..., Runtime]


@pytest.fixture(params=NODES)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    need(request.param)
    made: list[Runtime] = []

    def make(
        files: str | dict[str, str], handler: str = "index.handler", **environ: str
    ) -> Runtime:
        for name, text in (files if isinstance(files, dict) else {"index.js": files}).items():
            path = tmp_path / "task" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        made.append(Runtime(tmp_path / "task", request.param, handler, environ))
        return made[-1]

    yield make
    for runtime in made:
        if hasattr(runtime, "process"):
            runtime.channel.close()
            runtime.process.kill()
            runtime.process.communicate()


ECHO = "exports.handler = async (event) => event;"


@pytest.mark.parametrize("start", STARTS)
def test_echo(make: Make, start: Callable[[Runtime], Runtime]) -> None:
    runtime = start(make(ECHO)).ready()
    event: Any
    for event in [{"a": "é\u2028"}, None, [], "x" * 300_000, 0, "0123456789" * 600_000]:
        answer = runtime.invoke(event)
        assert answer.path.endswith("/response")
        assert answer.json == event
        assert answer.headers["content-type"] == "application/json"


def test_answer_and_next_come_in_one_write(make: Make) -> None:
    runtime = make(ECHO).start().ready()
    runtime.send(1)
    data = runtime.channel.recv(1 << 16)
    assert data.startswith(b"POST ")
    assert b"\r\n\r\n1GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n" in data


def test_chunked_next_and_a_split_stream(make: Make) -> None:
    runtime = make(ECHO).start().ready()
    head = (
        "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: r\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    for byte in head.encode() + b'4\r\n{"a"\r\n5\r\n:"x"}\r\n0\r\n\r\n':
        runtime.channel.sendall(bytes([byte]))
    assert runtime.accept("r").json == {"a": "x"}


@pytest.mark.parametrize(
    ("files", "handler"),
    [
        ({"index.js": "exports.handler = async () => 'yes'"}, "index.handler"),
        ({"index.mjs": "export const handler = async () => 'yes'"}, "index.handler"),
        ({"index.cjs": "exports.handler = async () => 'yes'"}, "index.handler"),
        (
            {"package.json": '{"type":"module"}', "a.js": "export const h = async () => 'yes'"},
            "a.h",
        ),
        ({"src/api/a.js": "exports.b = {c: {d: async () => 'yes'}}"}, "src/api/a.b.c.d"),
        ({"index": "exports.handler = async () => 'yes'"}, "index.handler"),
        ({"index/x.js": "", "index.js": "exports.handler = async () => 'yes'"}, "index.handler"),
        ({"node_modules/pkg/index.js": "exports.handler = async () => 'yes'"}, "pkg.handler"),
        (
            {"a.mjs": "const v = await Promise.resolve('yes'); export const h = async () => v"},
            "a.h",
        ),
    ],
)
def test_handlers_are_found(make: Make, files: dict[str, str], handler: str) -> None:
    assert make(files, handler).start().ready().invoke().json == "yes"


def test_default_export_since_24(make: Make) -> None:
    code = {"index.mjs": "export default {handler: (event) => event};"}
    runtime = make(code, AWS_EXECUTION_ENV="AWS_Lambda_nodejs24.x").start().ready()
    assert runtime.invoke({"plain": "return"}).json == {"plain": "return"}


@pytest.mark.parametrize(
    ("files", "handler", "error_type", "message"),
    [
        ({}, "index.handler", "Runtime.ImportModuleError", "Error: Cannot find module 'index'"),
        (
            {"index.js": "require('absent')"},
            "index.handler",
            "Runtime.ImportModuleError",
            "Error: Cannot find module 'absent'\nRequire stack:\n- ",
        ),
        ({"index.js": ""}, "index.handler", "Runtime.HandlerNotFound", "is undefined or not exp"),
        ({"index.js": "exports.handler=1"}, "index.handler", "Runtime.HandlerNotFound", "not a f"),
        ({"index.js": "a b"}, "index.handler", "Runtime.UserCodeSyntaxError", "SyntaxError: "),
        ({"index.js": ""}, "index", "Runtime.MalformedHandlerName", "Bad handler"),
        ({"index.js": ""}, "../index.handler", "Runtime.MalformedHandlerName", "not a valid han"),
        ({"index.js": "throw new TypeError('no')"}, "index.handler", "TypeError", "no"),
        (
            {"index.mjs": "await Promise.reject(new RangeError('no'))"},
            "index.h",
            "RangeError",
            "no",
        ),
    ],
)
def test_init_errors(
    make: Make, files: dict[str, str], handler: str, error_type: str, message: str
) -> None:
    runtime = make({"placeholder": "", **files}, handler).start()
    report, status = runtime.fatal()
    assert (report.path, status) == ("init/error", 129)
    assert report.headers["lambda-runtime-function-error-type"] == error_type
    assert set(report.json) == {"errorType", "errorMessage", "trace"}
    assert report.json["errorType"] == error_type
    assert message in report.json["errorMessage"]
    assert isinstance(report.json["trace"], list)
    ((request_id, level, text),) = runtime.logs()
    assert (request_id, level) == ("undefined", "ERROR")
    title, _, error = text.partition(" \t")
    assert title == "Uncaught Exception"
    assert json.loads(error)["errorType"] == error_type


@pytest.mark.parametrize(
    "code",
    [{"index.js": "require('@aws-sdk/client-s3')"}, {"index.mjs": "import '@aws-sdk/client-s3'"}],
)
def test_missing_sdk_says_how_to_install_it(make: Make, code: dict[str, str]) -> None:
    report, _ = make(code).start().fatal()
    assert "npm install @aws-sdk/client-s3" in report.json["errorMessage"]


SDK = {"sdk/@aws-sdk/client-s3/index.js": "exports.S3Client = 'here';"}


def test_sdk_layers_and_node_path(make: Make, tmp_path: Path) -> None:
    sdk, layer = tmp_path / "task/sdk", tmp_path / "task/layer"
    runtime = make(
        {
            "index.js": "const {S3Client} = require('@aws-sdk/client-s3');"
            "exports.handler = async () => [S3Client, require('dep'), process.env];",
            "layer/dep/index.js": "module.exports = 'layer'",
            **SDK,
        },
        LOCALFAAS_NODE_SDK=str(sdk),
        NODE_PATH=str(layer),
    )
    found, dep, environ = runtime.start().ready().invoke().json
    assert (found, dep) == ("here", "layer")
    expected = {**runtime.environ, "_X_AMZN_TRACE_ID": "Root=1-x"}
    del expected["LOCALFAAS_NODE_SDK"]
    assert environ == expected, "nothing of the host, all that was given"


def test_import_finds_layers_and_the_sdk(make: Make, tmp_path: Path) -> None:
    runtime = make(
        {
            "index.mjs": "import {v} from './inner.mjs'; import dep from 'dep';"
            "export const handler = async () => [v, dep];",
            "inner.mjs": "import sdk from '@aws-sdk/client-s3'; export const v = sdk.S3Client;",
            "layer/dep/index.js": "module.exports = 'layer'",
            **SDK,
        },
        LOCALFAAS_NODE_SDK=str(tmp_path / "task/sdk"),
        NODE_PATH=str(tmp_path / "task/layer"),
    )
    runtime.start().ready()
    for _ in range(2):
        assert runtime.invoke().json == ["here", "layer"]


def test_context(make: Make) -> None:
    runtime = make(
        "exports.handler = async (e, c) => ({...c, left: c.getRemainingTimeInMillis(),"
        "trace: process.env._X_AMZN_TRACE_ID, cwd: process.cwd(), argv: process.argv.length})"
    )
    answer = (
        runtime.start()
        .ready()
        .invoke(
            Lambda_Runtime_Client_Context='{"custom":{"k":"ü"}}',
            Lambda_Runtime_Cognito_Identity='{"cognitoIdentityId":"i"}',
            Lambda_Runtime_Aws_Tenant_Id="tenant",
        )
        .json
    )
    assert 0 < answer.pop("left") <= 3000
    assert answer == {
        "callbackWaitsForEmptyEventLoop": True,
        "functionVersion": "$LATEST",
        "functionName": "f",
        "memoryLimitInMB": "128",
        "logGroupName": "/aws/lambda/f",
        "logStreamName": "stream",
        "clientContext": {"custom": {"k": "ü"}},
        "identity": {"cognitoIdentityId": "i"},
        "invokedFunctionArn": ARN,
        "awsRequestId": "00000000-0000-4000-8000-000000000001",
        "tenantId": "tenant",
        "trace": "Root=1-x",
        "cwd": str(runtime.code),
        "argv": 2,
    }


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("(e, c, cb) => cb(null, 1)", 1),
        ("(e, c, cb) => { setTimeout(() => cb(null, 2), 5); }", 2),
        ("(e, c) => c.done(null, 3)", 3),
        ("(e, c) => c.succeed(4)", 4),
        ("(e, c) => { setTimeout(() => c.succeed(5), 5); }", 5),
        ("() => 6", None),
        ("() => { setTimeout(() => {}, 5); }", None),
        ("async () => {}", None),
        ("() => new Promise(() => {})", None),
        ("(e, c, cb) => { cb(null, 7); cb(null, 8); c.fail('x'); }", 7),
        ("(e, c, cb) => { c.late = 0; setTimeout(() => { r.v = 9; }, 5);"
         " const r = {v: 0}; cb(null, r); }", {"v": 9}),
        ("(e, c, cb) => { c.callbackWaitsForEmptyEventLoop = false; setTimeout(() => {}, 9e6);"
         " cb(null, 10); }", 10),
        ("(e, c) => ({then: (f) => f(11)})", 11),
    ],
)  # fmt: skip
def test_classic_answers(
    make: Make, start: Callable[[Runtime], Runtime], body: str, expected: Any
) -> None:
    runtime = start(make(f"exports.handler = {body}")).ready()
    for _ in range(2):
        answer = runtime.invoke()
        assert (answer.path.rpartition("/")[2], answer.json) == ("response", expected)


@pytest.mark.parametrize(
    ("body", "error_type", "message"),
    [
        ("async () => { throw new Error('Error: some_error') }", "Error", "Error: some_error"),
        ("() => { throw new TypeError('t') }", "TypeError", "t"),
        ("async () => { const e = new Error('m'); e.name = 'Own'; throw e }", "Own", "m"),
        ("async () => { throw 'text' }", "string", "text"),
        ("(e, c, cb) => cb('text')", "string", "text"),
        ("(e, c, cb) => cb(new Error('m'))", "Error", "m"),
        ("(e, c) => c.fail(new Error('m'))", "Error", "m"),
        ("(e, c) => c.fail()", "string", "handled"),
        ("(e, c) => c.done(new Error('m'))", "Error", "m"),
        ("async () => 1n", "Error", "Unable to stringify response body"),
        ("async () => { const a = {}; a.a = a; return a }", "Error",
         "Unable to stringify response body"),
        ("async () => { const e = new Error('a\\x7fb'); e.name = 'x\\r\\nEvil: 1'; throw e }",
         "x\r\nEvil: 1", "a%7Fb"),
    ],
)  # fmt: skip
def test_errors(make: Make, body: str, error_type: str, message: str) -> None:
    runtime = make(f"exports.handler = {body}").start().ready()
    for _ in range(2):
        answer = runtime.invoke()
        assert answer.path.endswith("/error")
        assert "evil" not in answer.headers
        assert (answer.json["errorType"], answer.json["errorMessage"]) == (error_type, message)
        assert isinstance(answer.json["trace"], list)
        if error_type == "Error" and "index.js" not in message and "stringify" not in message:
            assert answer.json["trace"][0] == f"Error: {message}"
            assert "/index.js:1:" in answer.json["trace"][1]
    logs = runtime.logs()
    assert [level for _, level, _ in logs] == ["ERROR", "ERROR"]
    assert logs[0][2].startswith("Invoke Error \t{")


def test_event_that_is_no_json_is_a_function_error(make: Make) -> None:
    runtime = make(ECHO).start().ready()
    assert runtime.invoke(b"{nope").json["errorType"] == "SyntaxError"
    assert runtime.invoke(1).json == 1


@pytest.mark.parametrize(
    ("release", "code", "error_type"),
    [
        (24, "exports.handler = (e, c, cb) => cb()", "Runtime.CallbackHandlerDeprecated"),
    ],
)
def test_callbacks_are_refused_since_24(
    make: Make, release: int, code: str, error_type: str
) -> None:
    runtime = make(code, AWS_EXECUTION_ENV=f"AWS_Lambda_nodejs{release}.x").start()
    report, status = runtime.fatal()
    assert (report.path, status, report.json["errorType"]) == ("init/error", 1, error_type)
    assert [line[:2] for line in runtime.logs()] == [("-", "ERROR")]


@pytest.mark.parametrize(
    ("body", "error_type", "message", "status"),
    [
        ("setTimeout(() => { throw new Error('late') }, 1)", "Error", "late", 129),
        ("Promise.reject(new Error('lost'))", "Runtime.UnhandledPromiseRejection",
         "Error: lost", 128),
    ],
)  # fmt: skip
def test_fatal_errors_in_an_invocation(
    make: Make, body: str, error_type: str, message: str, status: int
) -> None:
    runtime = make(f"exports.handler = () => new Promise(() => {{ {body} }})").start().ready()
    request_id = runtime.send(1)
    report, exit_status = runtime.fatal()
    assert report.path == f"invocation/{request_id}/error"
    assert report.json["errorType"] == error_type
    assert report.json["errorMessage"] == message
    assert exit_status == status
    ((logged_id, _, text),) = runtime.logs()
    assert logged_id == request_id
    assert text.startswith(("Uncaught Exception \t", "Unhandled Promise Rejection \t"))


def test_exit_in_the_handler(make: Make) -> None:
    runtime = make("exports.handler = async () => { console.log('bye'); process.exit(3) }")
    runtime.start().ready().send(1)
    assert runtime.process.wait(PATIENCE_S) == 3
    assert [text for _, _, text in runtime.logs()] == ["bye"]


def test_control_plane_gone_ends_the_runtime(make: Make) -> None:
    runtime = make(ECHO).start().ready()
    runtime.channel.close()
    assert runtime.process.wait(PATIENCE_S) == 1


def test_refused_answers(make: Make) -> None:
    runtime = make(ECHO).start().ready()
    runtime.accept(runtime.send(1), "413 Request Entity Too Large")
    assert runtime.ready().invoke(2).json == 2, "too large a response costs that response alone"
    runtime.accept(runtime.send(3), "400 Bad Request")
    assert runtime.process.wait(PATIENCE_S) == 1
    assert "The Runtime API answered 400" in runtime.output()


LOGS = """
console.log('init');
exports.handler = async () => {
  console.debug('d %s', 1); console.info('i\\nj'); console.warn({a: 1}); console.error('e');
  console.trace('t'); console.fatal('f');
};
"""


def test_text_logs(make: Make) -> None:
    runtime = make(LOGS).start().ready()
    request_id = runtime.invoke().path.split("/")[1]
    output = runtime.output()
    assert LOG_LINE.findall(output) == [
        ("undefined", "INFO", "init"),
        (request_id, "DEBUG", "d 1"),
        (request_id, "INFO", "i\rj"),
        (request_id, "WARN", "{ a: 1 }"),
        (request_id, "ERROR", "e"),
        (request_id, "TRACE", "t"),
        (request_id, "FATAL", "f"),
    ]
    assert "INFO\ti\rj\n" in output


def test_framed_logs(make: Make) -> None:
    runtime = make(
        "exports.handler = async () => {"
        "process.stdout.write('plain'); console.warn('a\\nb\\u00e9');"
        "return process.env._LAMBDA_TELEMETRY_LOG_FD ?? null }",
        _LAMBDA_TELEMETRY_LOG_FD="1",
    )
    answer = runtime.start().ready().invoke()
    assert answer.json is None
    (text, framed), (message, is_message) = FrameReader().feed(runtime.raw_output())
    assert (text, framed) == (b"plain", False)
    assert is_message
    assert message.endswith("\tWARN\ta\nb\u00e9\n".encode())


def test_json_logs(make: Make) -> None:
    runtime = make(
        "exports.handler = async () => { console.info('low'); console.warn({a: 1});"
        "console.error('x', new TypeError('t')); throw new RangeError('r') }",
        AWS_LAMBDA_LOG_FORMAT="JSON",
        AWS_LAMBDA_LOG_LEVEL="WARN",
    )
    request_id = runtime.start().ready().invoke().path.split("/")[1]
    warn, error, thrown = (json.loads(line) for line in runtime.output().splitlines())
    assert warn.pop("timestamp").endswith("Z")
    assert warn == {"level": "WARN", "requestId": request_id, "message": {"a": 1}}
    assert (error["errorType"], error["errorMessage"]) == ("TypeError", "t")
    assert isinstance(error["stackTrace"], list)
    assert (thrown["level"], thrown["message"]["errorType"]) == ("ERROR", "RangeError")


def test_output_leaves_before_the_answer(make: Make) -> None:
    size = 1_000_000
    runtime = make(
        f"exports.handler = async () => {{ process.stdout.write('x'.repeat({size}));"
        "console.log('end') }"
    )
    runtime.start().ready().send(1)
    assert runtime.process.stdout
    text = b""
    while b"end\n" not in text:
        text += os.read(runtime.process.stdout.fileno(), 1 << 16)
    assert text.count(b"x") == size
    assert runtime.receive().path.endswith("/response")


def test_waiting_runtime_stands_still(make: Make) -> None:
    """Between invocations nothing of the function runs, as where Lambda freezes it."""
    runtime = make(
        "let ticks = 0; setInterval(() => { ticks++ }, 1);"
        "exports.handler = async () => { const seen = ticks; ticks = 0; return seen }"
    )
    runtime.start().ready().invoke()
    time.sleep(0.1)
    assert runtime.invoke().json <= 3


STREAMS = "exports.handler = awslambda.streamifyResponse(async (event, stream, context) => {%s});"


@pytest.mark.parametrize("start", STARTS)
def test_streamed_response(make: Make, start: Callable[[Runtime], Runtime]) -> None:
    runtime = start(
        make(
            STREAMS % "stream.write('one'); await new Promise((r) => setTimeout(r, 5));"
            "stream.write({two: 2}); stream.end(Buffer.from('three'))"
        )
    ).ready()
    for _ in range(2):
        answer = runtime.invoke()
        assert answer.path.endswith("/response")
        assert answer.chunks == [b"one", b'{"two":2}', b"three"]
        assert answer.headers["lambda-runtime-function-response-mode"] == "streaming"
        assert answer.headers["content-type"] == "application/octet-stream"
        assert "lambda-runtime-function-error-type" not in answer.headers


@pytest.mark.parametrize("rest", ["stream.write('body'); stream.end()", "stream.end('body')"])
def test_streamed_http_response(make: Make, rest: str) -> None:
    runtime = make(
        STREAMS % "const {HttpResponseStream} = awslambda;"
        f"stream = HttpResponseStream.from(stream, {{statusCode: 201}}); {rest}"
    )
    answer = runtime.start().ready().invoke()
    assert answer.headers["content-type"] == "application/vnd.awslambda.http-integration-response"
    assert answer.body == b'{"statusCode":201}' + bytes(8) + b"body"


def test_stream_that_breaks(make: Make) -> None:
    runtime = make(STREAMS % "stream.write('part'); throw new RangeError('broke')")
    runtime.start().ready()
    for _ in range(2):
        answer = runtime.invoke()
        assert answer.chunks == [b"part"]
        assert answer.headers["lambda-runtime-function-error-type"] == "RangeError"
        body = json.loads(base64.b64decode(answer.headers["lambda-runtime-function-error-body"]))
        assert (body["errorType"], body["errorMessage"]) == ("RangeError", "broke")
    assert [level for _, level, _ in runtime.logs()] == ["ERROR", "ERROR"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("throw new Error('early')", "early"),
        ("", "Response stream is not finished."),
        ("stream.destroy(new Error('gone'))", "gone"),
        ("stream.end(); stream.setContentType('late/x')", None),
    ],
)
def test_streams_that_fail(make: Make, body: str, message: str | None) -> None:
    runtime = make(STREAMS % body).start().ready()
    answer = runtime.invoke()
    if message is None:
        assert answer.path.endswith("/response")
        assert "Runtime.InvalidStreamingOperation" in runtime.output()
    else:
        assert answer.path.endswith("/error")
        assert answer.json["errorMessage"] == message


def test_streaming_handler_must_be_async(make: Make) -> None:
    code = "exports.handler = awslambda.streamifyResponse((say, s) => { if (say) s.end('x') });"
    runtime = make(code).start().ready()
    answer = runtime.invoke(False)
    assert answer.json["errorMessage"] == "Streaming does not support non-async handlers."
    answer = runtime.invoke(True)
    assert answer.headers["lambda-runtime-function-error-type"] == "Error"


def test_stream_waits_for_its_reader(make: Make) -> None:
    """A reader that stops must stop the writer: what is written ahead has a bound."""
    runtime = (
        make(
            STREAMS
            % "const {Readable} = require('stream'); const {pipeline} = require('stream/promises');"
            "let made = 0; const source = new Readable({read() {"
            "  made++; this.push(made > 640 ? null : Buffer.alloc(65536)) }});"
            "setTimeout(() => console.log('made', made), 200);"
            "await pipeline(source, stream)"
        )
        .start()
        .ready()
    )
    request_id = runtime.send(1)
    assert runtime.process.stdout
    line = runtime.process.stdout.readline().decode()
    assert int(line.rpartition(" ")[2]) < 100, "of 640 blocks, while nobody reads"
    assert len(runtime.accept(request_id).body) == 640 * 65536
    runtime.ready()


ONLY_ESM = {
    "node_modules/only-esm/package.json": json.dumps(
        {
            "name": "only-esm",
            "type": "module",
            "exports": {
                "./sub": "./dist/s.js",
                "./by/*": "./dist/*.js",
                "./kind": {"require": "./dist/required.cjs", "import": "./dist/imported.js"},
            },
        }
    ),
    "node_modules/only-esm/dist/s.js": "export const v = 'esm'",
    "node_modules/only-esm/dist/imported.js": "export const v = 'imported'",
    "node_modules/only-esm/dist/required.cjs": "exports.v = 'required'",
    "node_modules/only-esm/hidden.js": "export const v = 'hidden'",
}


def _layered(node: str, folder: Path, files: dict[str, str]) -> Runtime:
    layer, code = folder / "layer", folder / "task"
    for base, given in ((layer, ONLY_ESM), (code, files)):
        for name, text in given.items():
            (base / name).parent.mkdir(parents=True, exist_ok=True)
            (base / name).write_text(text)
    path = {"NODE_PATH": f"{layer}/node_modules:{code}", "AWS_EXECUTION_ENV": ""}
    return Runtime(code, node, "index.handler", path)


@pytest.mark.parametrize("major", VERSIONS)
@pytest.mark.parametrize("form", ["static", "dynamic", "commonjs"])
def test_import_from_layers_goes_by_the_rules_of_es_modules(
    tmp_path: Path, major: int, form: str
) -> None:
    names = ["only-esm/sub", "only-esm/by/s", "only-esm/kind"]
    if form == "static":
        lines = [f"import {{v as v{n}}} from '{name}';" for n, name in enumerate(names)]
        code = "".join(lines) + "export const handler = async () => [v0, v1, v2];"
    else:
        export = "exports.handler" if form == "commonjs" else "export const handler"
        code = f"{export} = async () => Promise.all({names}.map(async (n) => (await import(n)).v));"
    file = "index.js" if form == "commonjs" else "index.mjs"
    runtime = _layered(str(node(major)), tmp_path, {file: code})
    try:
        assert runtime.start().ready().invoke().json == ["esm", "esm", "imported"]
    finally:
        runtime.raw_output()


@pytest.mark.parametrize("major", VERSIONS)
def test_what_a_package_does_not_export_is_not_found(tmp_path: Path, major: int) -> None:
    code = "export const handler = async () => import('only-esm/hidden.js').catch((e) => e.code);"
    runtime = _layered(str(node(major)), tmp_path, {"index.mjs": code})
    try:
        assert runtime.start().ready().invoke().json == "ERR_PACKAGE_PATH_NOT_EXPORTED"
    finally:
        runtime.raw_output()
