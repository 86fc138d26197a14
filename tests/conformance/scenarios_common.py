"""Functions seen from inside, per runtime: environment, context, errors, wrappers."""

from __future__ import annotations

import io
import json
import re
import stat
import zipfile
from typing import Any

from tests.conformance.replay import Scenario

_PYTHON = {
    "echo": "def handler(event, context):\n    return event\n",
    "introspect": """
import os
def handler(event, context):
    names = (
        "aws_request_id function_name function_version invoked_function_arn log_group_name "
        "log_stream_name memory_limit_in_mb"
    ).split()
    told = {name: getattr(context, name) for name in names}
    told["remaining_time_in_millis"] = context.get_remaining_time_in_millis()
    return {"environment": dict(os.environ), "ctx": told, "packages": []}
""",
    "raise": """
def handler(event, context):
    raise Exception(f"Failed: {event['error_msg']}")
""",
}
_NODE = {
    "echo": "exports.handler = async (event) => event;\n",
    "introspect": """
exports.handler = async (event, context) => ({
  environment: process.env,
  ctx: {
    aws_request_id: context.awsRequestId,
    function_name: context.functionName,
    function_version: context.functionVersion,
    invoked_function_arn: context.invokedFunctionArn,
    log_group_name: context.logGroupName,
    log_stream_name: context.logStreamName,
    remaining_time_in_millis: context.getRemainingTimeInMillis(),
  },
  packages: [],
});
""",
    "raise": """
exports.handler = async (event) => {
  throw new Error(`Error: ${event.error_msg}`);
};
""",
}
#: A custom runtime, which answers what AWS's recorded one (in Rust) does.
_LOOP = """#!/usr/bin/python3
import json, os
from urllib.request import Request, urlopen

# What the process was given: Python may add to it.
with open("/proc/self/environ") as file:
    ENVIRON = dict(each.split("=", 1) for each in file.read().split("\\0") if each)
API = f"http://{ENVIRON['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation"
ERROR = {
    "errorMessage": 'Error: "some_error_msg"',
    "errorType": "&alloc::boxed::Box<dyn core::error::Error + core::marker::Send"
    " + core::marker::Sync>",
}

def introspect(headers):
    trace = {"_X_AMZN_TRACE_ID": headers["Lambda-Runtime-Trace-Id"]}
    return {
        "environment": {**ENVIRON, **trace},
        "ctx": {
            "aws_request_id": headers["Lambda-Runtime-Aws-Request-Id"],
            "deadline": headers["Lambda-Runtime-Deadline-Ms"],
            "function_name": ENVIRON["AWS_LAMBDA_FUNCTION_NAME"],
            "function_version": ENVIRON["AWS_LAMBDA_FUNCTION_VERSION"],
            "invoked_function_arn": headers["Lambda-Runtime-Invoked-Function-Arn"],
            "log_group_name": ENVIRON["AWS_LAMBDA_LOG_GROUP_NAME"],
            "log_stream_name": ENVIRON["AWS_LAMBDA_LOG_STREAM_NAME"],
            "memory_limit_in_mb": int(ENVIRON["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]),
        },
        "packages": [],
    }

while True:
    with urlopen(f"{API}/next") as answer:
        headers, event = answer.headers, json.load(answer)
    what, body = %s
    request_id = headers["Lambda-Runtime-Aws-Request-Id"]
    urlopen(Request(f"{API}/{request_id}/{what}", json.dumps(body).encode())).close()
"""
_CUSTOM = {
    "echo": _LOOP % '"response", event',
    "introspect": _LOOP % '"response", introspect(headers)',
    "raise": _LOOP % '"error", ERROR',
}
_WRAPPER = """#!/bin/bash
export WRAPPER_VAR="test"
exec "$@"
"""
#: Payloads of every kind of JSON.
_PAYLOADS: tuple[Any, ...] = (
    {"simple": "val"},
    {"simple": 'val with {} & \\"quotes\\" and \\u00e4'},
    {"nested": {"list": [1, 2.5, None, True]}, "text": "ä€😀 \n\t"},
    [],
    "text",
    1,
    None,
    False,
)


def archive(**files: str) -> bytes:
    """Return an archive of files that can be run; names are given with "__" for "."."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as written:
        for name, text in files.items():
            info = zipfile.ZipInfo(name.replace("__", "."))
            info.external_attr = (stat.S_IFREG | 0o755) << 16
            written.writestr(info, text)
    return buffer.getvalue()


def _package(runtime: str, what: str, **more: str) -> dict[str, Any]:
    """Return the members of CreateFunction that say what runs."""
    if runtime.startswith("python"):
        handler, files = "handler.handler", {"handler__py": _PYTHON[what]}
    elif runtime.startswith("nodejs"):
        handler, files = "index.handler", {"index__js": _NODE[what]}
    else:
        handler, files = "function.handler", {"bootstrap": _CUSTOM[what]}
    code = {"ZipFile": archive(**files, **more)}
    return {"Runtime": runtime, "Handler": handler, "Code": code, "MemorySize": 1024}


def _create(s: Scenario, runtime: str, what: str, **fields: Any) -> str:
    created = s.create(**_package(runtime, what), **fields)
    name: str = s.match("create_function_result", created)["FunctionName"]
    s.active(name)
    return name


def echo(s: Scenario, runtime: str) -> None:
    """The recording holds nothing: what comes back is what went in."""
    name = s.create(**_package(runtime, "echo"))["FunctionName"]
    s.active(name)
    for payload in _PAYLOADS:
        answer = s.client.invoke(FunctionName=name, Payload=json.dumps(payload).encode())
        assert "FunctionError" not in answer
        assert json.load(answer["Payload"]) == payload


def introspection(s: Scenario, runtime: str) -> None:
    name = _create(s, runtime, "introspect", Environment={"Variables": {"TEST_KEY": "TEST_VAL"}})
    steps: dict[str, dict[str, str]] = {
        "invocation_result_payload": {},
        "invocation_result_payload_qualified": {"Qualifier": "$LATEST"},
    }
    for step, qualified in steps.items():
        answer = s.client.invoke(FunctionName=name, Payload=b'{"simple": "val"}', **qualified)
        told = json.load(answer["Payload"])
        environment = told["environment"]
        # Each environment has an address of its own for it; AWS's recorded ones differ, too.
        assert re.fullmatch(r"127\.0\.0\.1:\d+", environment["AWS_LAMBDA_RUNTIME_API"])
        old = runtime == "provided.al2"
        environment["AWS_LAMBDA_RUNTIME_API"] = f"{'127.0.0.1' if old else '169.254.100.1'}:9001"
        as_recorded(environment, "169.254.79.129" if old else "169.254.100.1")
        s.match(step, told)


def as_recorded(environment: dict[str, str], daemon: str) -> None:
    """Put the X-Ray daemon of a recording into a function's variables: ours is on this machine.

    Args:
        environment: The variables, which are changed.
        daemon: The recorded address.
    """
    host, _, port = environment["AWS_XRAY_DAEMON_ADDRESS"].rpartition(":")
    assert (host, port) == (
        environment["_AWS_XRAY_DAEMON_ADDRESS"],
        environment["_AWS_XRAY_DAEMON_PORT"],
    )
    assert port.isdecimal()
    environment["AWS_XRAY_DAEMON_ADDRESS"] = f"{daemon}:2000"
    environment["_AWS_XRAY_DAEMON_ADDRESS"] = daemon
    environment["_AWS_XRAY_DAEMON_PORT"] = "2000"


def uncaught(s: Scenario, runtime: str) -> None:
    name = _create(s, runtime, "raise")
    payload = json.dumps({"error_msg": "some_error_msg"}).encode()
    answer = s.client.invoke(FunctionName=name, Payload=payload)
    s.match("error_result", answer)


def wrapper(s: Scenario, runtime: str) -> None:
    path = "/var/task/environment_wrapper"
    created = s.create(
        **_package(runtime, "introspect", environment_wrapper=_WRAPPER),
        Environment={"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": path}},
    )
    name = s.match("create_function_result", created)["FunctionName"]
    s.active(name)
    told = json.load(s.client.invoke(FunctionName=name, Payload=b"{}")["Payload"])
    assert told["environment"]["WRAPPER_VAR"] == "test"
    assert told["environment"]["AWS_LAMBDA_EXEC_WRAPPER"] == path


SCENARIOS = {
    "test_echo_invoke": echo,
    "test_introspection_invoke": introspection,
    "test_runtime_wrapper_invoke": wrapper,
    "test_uncaught_exception_invoke": uncaught,
}
