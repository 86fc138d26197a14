"""Functions that run: invokes, concurrency, URLs."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

from tests.conformance.replay import Replay, Scenario, zip_of
from tests.conformance.scenarios_common import as_recorded
from tests.patience import until

_VERSION = """
import os
def handler(event, context):
    return {
        "version_id": "%s",
        "invoked_arn": context.invoked_function_arn,
        "version_from_ctx": context.function_version,
    }
"""
_CONTEXT = """
import logging
logging.getLogger().setLevel(logging.INFO)
def handler(event, context):
    print("Lambda log message - print function")
    logging.getLogger().info("Lambda log message - logging module")
    names = (
        "aws_request_id client_context function_name function_version invoked_function_arn "
        "log_group_name log_stream_name memory_limit_in_mb"
    ).split()
    return {"event": event, "context": {name: getattr(context, name) for name in names}}
"""
#: As on AWS, nothing is ready by the next request.
_SLOW_INIT = """
import time
time.sleep(3)
def handler(event, context):
    return {}
"""
_TWO = """
def handler(event, context):
    return {"handler": "handler"}
def handler_two(event, context):
    return {"handler": "handler_two"}
"""
_ENVIRONMENT = """
import os
def handler(event, context):
    return {"environment": dict(os.environ)}
"""
_SLEEP = """
import time
def handler(event, context):
    print("began", event["name"])
    time.sleep(event["wait"])
"""
_VARIANT = """
import time
def handler(event, context):
    print("began", event)
    time.sleep(2 if "sleep" in event else 0)
    print(f"ended {event}--%s")
"""
_INTROSPECTION = """
import getpass, os, platform, pwd, stat, subprocess
from pathlib import Path

def handler(event, context):
    paths = {}
    for path in ("/lambda-entrypoint.sh", "/opt", "/tmp", "/var/task"):
        told, name = os.stat(path), path.replace("/", "_")
        paths |= {
            f"{name}_mode": stat.filemode(told.st_mode),
            f"{name}_uid": told.st_uid,
            f"{name}_owner": Path(path).owner(),
            f"{name}_gid": told.st_gid,
        }
    return {
        "event": event,
        "paths": paths,
        "platform_machine": platform.machine(),
        "platform_system": platform.system(),
        "pwd": os.getcwd(),
        "user_login_name": getpass.getuser(),
        "user_whoami": subprocess.getoutput("whoami"),
    }
"""
_NOTHING = "def handler(event, context):\n    return None\n"
_EMPTY = "def handler(event, context):\n    return {}\n"


def _code(text: str) -> dict[str, bytes]:
    return {"ZipFile": zip_of(handler__py=text)}


def concurrency_crud(s: Scenario) -> None:
    name = s.function()["FunctionName"]
    get = "get_function_concurrency"
    s.call("get_function_concurrency_default", get, FunctionName=name)
    s.call(
        "put_function_concurrency",
        "put_function_concurrency",
        FunctionName=name,
        ReservedConcurrentExecutions=0,
    )
    s.call("get_function_concurrency_updated", get, FunctionName=name)
    s.client.delete_function_concurrency(FunctionName=name)
    s.call("get_function_concurrency_deleted", get, FunctionName=name)


def url_invalid_invoke_mode(s: Scenario) -> None:
    s.refused(
        "invoke_function_invalid_invoke_type",
        "create_function_url_config",
        FunctionName=s.function()["FunctionName"],
        AuthType="NONE",
        InvokeMode="UNKNOWN",
    )


def url_echo(s: Scenario) -> None:
    name = s.function()["FunctionName"]
    s.call(
        "create_lambda_url_config",
        "create_function_url_config",
        FunctionName=name,
        AuthType="NONE",
        InvokeMode="BUFFERED",
    )
    s.call(
        "add_permission",
        "add_permission",
        FunctionName=name,
        StatementId="urlPermission",
        Action="lambda:InvokeFunctionUrl",
        Principal="*",
        FunctionUrlAuthType="NONE",
    )


def basic_invoke(s: Scenario) -> None:
    first = s.match("lambda_create_fn", s.create(Runtime="python3.9"))["FunctionName"]
    second = s.match("lambda_create_fn_2", s.create(Runtime="python3.9"))["FunctionName"]
    s.active(first)
    s.active(second)
    s.call("lambda_get_fn", "get_function", FunctionName=first)
    s.call("lambda_get_fn_2", "get_function", FunctionName=second)
    s.call("lambda_invoke_result", "invoke", FunctionName=first, Payload=b"{}")


def returns_nothing(s: Scenario) -> None:
    name = s.function(Code=_code(_NOTHING))["FunctionName"]
    s.call("invoke-result", "invoke", FunctionName=name, Payload=b"{}")


def request_response(s: Scenario) -> None:
    name = s.function(Runtime="python3.9", Code=_code(_EMPTY))["FunctionName"]
    s.call("invoke-result", "invoke", FunctionName=name, Payload=b"{}")


def with_qualifier(s: Scenario) -> None:
    created = s.create(Handler="handler.handler", Code=_code(_CONTEXT), Publish=True, Timeout=10)
    name = s.match("creation-response", created)["FunctionName"]
    s.active(name)
    event = {"foo": "bar with 'quotes\""}
    answer = s.call(
        "invocation-response",
        "invoke",
        FunctionName=name,
        Qualifier="1",
        Payload=json.dumps(event).encode(),
        LogType="Tail",
    )
    lines = base64.b64decode(answer["LogResult"]).decode().splitlines()
    lines = [line for line in lines if not line.startswith(("INIT_START", "REPORT"))]
    # The moment of a log line is no placeholder of the recording's.
    lines = [
        "\t".join("date" if part.endswith("Z") else part for part in line.split("\t"))
        for line in lines
    ]
    s.match("log_result", {"log_result": lines})


def alias_moving(s: Scenario) -> None:
    created = s.create(
        Handler="handler.handler", Code=_code(_VERSION % "version1"), Description="No version :("
    )
    name = s.match("create_response", created)["FunctionName"]
    s.active(name)
    s.client.publish_version(FunctionName=name, Description="First version description :)")
    alias = s.call(
        "create_alias_response",
        "create_alias",
        FunctionName=name,
        FunctionVersion="1",
        Name="alias1",
    )

    def invoke(step: str, **request: Any) -> None:
        s.call(step, "invoke", **{"FunctionName": name, "Payload": b"{}", **request})

    by_alias = {"Qualifier": "alias1"}
    invoke("invocation_result_qualifier_v1", **by_alias)
    invoke("invocation_result_qualifier_v1_arn", FunctionName=alias["AliasArn"])
    s.call(
        "update_lambda_response",
        "update_function_code",
        FunctionName=name,
        ZipFile=_code(_VERSION % "version2")["ZipFile"],
    )
    s.updated(name)
    invoke("invocation_result_qualifier_v1_after_update", **by_alias)
    s.call(
        "second_publish_response",
        "publish_version",
        FunctionName=name,
        Description="Second version description :)",
    )
    invoke("invocation_result_qualifier_v1_after_publish", **by_alias)
    s.call(
        "update_alias_response",
        "update_alias",
        FunctionName=name,
        FunctionVersion="2",
        Name="alias1",
    )
    invoke("invocation_result_qualifier_v2", **by_alias)
    s.refused(
        "invocation_exc_not_existent",
        "invoke",
        FunctionName=name,
        Qualifier="non-existent-alias",
        Payload=b"{}",
    )


def handler_update(s: Scenario) -> None:
    name = s.function(Code=_code(_TWO))["FunctionName"]
    s.call("invoke_result_handler_one", "invoke", FunctionName=name)
    s.call(
        "update_function_configuration_result",
        "update_function_configuration",
        FunctionName=name,
        Handler="handler.handler_two",
    )
    s.updated(name)
    s.call("get_function_result", "get_function", FunctionName=name)
    s.call("invoke_result_handler_two", "invoke", FunctionName=name)
    s.client.publish_version(FunctionName=name)
    s.call("invoke_result_handler_two_postpublish", "invoke", FunctionName=name)


def reserved_provisioned_overlap(s: Scenario) -> None:
    name = s.function(Code=_code(_SLOW_INIT))["FunctionName"]
    s.client.publish_version(FunctionName=name, Description="version 1")
    step = "update_func_config"
    s.call(step, "update_function_configuration", FunctionName=name, Timeout=15)
    s.updated(name)
    s.client.publish_version(FunctionName=name, Description="version 2")
    put = "put_provisioned_concurrency_config"
    get = "get_provisioned_concurrency_config"
    one = {"FunctionName": name, "Qualifier": "1"}
    s.call("put_provisioned_5", put, **one, ProvisionedConcurrentExecutions=2)
    s.call("get_provisioned_prewait", get, **one)
    _until_ready(s, **one)
    s.call("get_provisioned_postwait", get, **one)
    reserve = {"FunctionName": name, "ReservedConcurrentExecutions": 1}
    s.refused("reserved_lower_than_provisioned_exc", "put_function_concurrency", **reserve)
    s.client.put_function_concurrency(**{**reserve, "ReservedConcurrentExecutions": 2})
    s.call("get_concurrency", "get_function_concurrency", FunctionName=name)
    step = "reserved_equals_provisioned"
    s.refused(f"{step}_latest_invoke_exc", "invoke", FunctionName=name)
    s.refused(f"{step}_increase_provisioned_exc", put, **one, ProvisionedConcurrentExecutions=3)
    two = {**one, "Qualifier": "2"}
    s.refused(f"{step}_another_provisioned_exc", put, **two, ProvisionedConcurrentExecutions=1)


def provisioned_moves_with_alias(s: Scenario) -> None:
    created = s.function(Runtime="python3.8", Timeout=2, Code=_code(_SLOW_INIT))
    name = created["FunctionName"]
    shown = {"CreateEventSourceMappingResponse": None, "CreateFunctionResponse": created}
    s.match("create-result", shown)
    latest = {"FunctionName": name, "Qualifier": "$LATEST"}
    s.call("get-function-configuration", "get_function_configuration", **latest)
    first = "my-first-version"
    s.call("publish_version_1", "publish_version", FunctionName=name, Description=first)
    one = {"FunctionName": name, "Qualifier": "1"}
    s.call("get_function_configuration_version_1", "get_function_configuration", **one)
    alias = {"FunctionName": name, "Name": s.name("alias")}
    s.call("create_alias", "create_alias", **alias, FunctionVersion="1")
    s.call("get_function_before_provisioned", "get_function", **one)
    by_alias = {"FunctionName": name, "Qualifier": alias["Name"]}
    get = "get_provisioned_concurrency_config"
    s.client.put_provisioned_concurrency_config(**by_alias, ProvisionedConcurrentExecutions=1)
    _until_ready(s, **by_alias)
    s.call("get_function_after_provisioned", "get_function", **by_alias)
    s.client.update_function_configuration(FunctionName=name, Timeout=10)
    s.updated(name)
    s.call("get_function_after_update", "get_function_configuration", FunctionName=name)
    s.call("publish_version_2", "publish_version", FunctionName=name)
    s.call("update_alias", "update_alias", **alias, FunctionVersion="2")
    s.call("get_provisioned_config_after_alias_move", get, **by_alias)
    s.client.delete_provisioned_concurrency_config(**by_alias)
    s.refused("provisioned_concurrency_notfound", get, **by_alias)


def _until_ready(s: Scenario, **qualified: str) -> None:
    until(lambda: s.client.get_provisioned_concurrency_config(**qualified)["Status"] == "READY")


def runtime_exit(s: Scenario) -> None:
    code = "import sys\nsys.exit(0)\ndef handler(event, context):\n    return None\n"
    name = s.function(Code=_code(code))["FunctionName"]
    s.call("invocation_error", "invoke", FunctionName=name, Payload=b"{}")


def runtime_error(s: Scenario) -> None:
    code = (
        'raise Exception("Runtime startup fails")\ndef handler(event, context):\n    return None\n'
    )
    name = s.function(
        Runtime="python3.13",
        Handler="lambda_runtime_error.handler",
        Code={"ZipFile": zip_of(lambda_runtime_error__py=code)},
    )["FunctionName"]
    s.call("invocation_error", "invoke", FunctionName=name, Payload=b"{}")


def init_environment(s: Scenario) -> None:
    created = s.function(Runtime="python3.14", Code=_code(_ENVIRONMENT))
    s.match(
        "create-result",
        {"CreateEventSourceMappingResponse": None, "CreateFunctionResponse": created},
    )
    answer = s.client.invoke(FunctionName=created["FunctionName"], Payload=b"{}")
    told = json.load(answer["Payload"])
    # Its address is one of this machine's; the recording takes it for that of the X-Ray daemon.
    told["environment"]["AWS_LAMBDA_RUNTIME_API"] = "169.254.100.1:9001"
    as_recorded(told["environment"], "169.254.100.1")
    s.match("lambda-init-inspection", {**answer, "Payload": io.BytesIO(json.dumps(told).encode())})


def introspection(s: Scenario) -> None:
    name = s.function(Code=_code(_INTROSPECTION))["FunctionName"]
    s.call("invoke_runtime_x86_introspection", "invoke", FunctionName=name, Payload=b"{}")


def reserved_async_queue(s: Scenario) -> None:
    name = s.function(Code=_code(_SLEEP))["FunctionName"]
    s.call("fn", "get_function_configuration", FunctionName=name, Qualifier="$LATEST")
    s.call(
        "put_fn_concurrency",
        "put_function_concurrency",
        FunctionName=name,
        ReservedConcurrentExecutions=1,
    )
    for number, wait in enumerate((25, 0)):
        event = json.dumps({"name": f"event {number}", "wait": wait}).encode()
        s.client.invoke(FunctionName=name, InvocationType="Event", Payload=event)
    _logged(s, name, "began event 0")
    s.refused("too_many_requests_exc", "invoke", FunctionName=name, Payload=b"{}")
    # What could not run at once was kept.
    assert not _events(s, name, "began event 1")
    s.client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=2)
    _logged(s, name, "began event 1")


def async_over_an_update(s: Scenario) -> None:
    name = s.function(Code=_code(_VARIANT % "variant-1"))["FunctionName"]

    def allow(concurrency: int) -> None:
        s.client.put_function_concurrency(
            FunctionName=name, ReservedConcurrentExecutions=concurrency
        )

    def invoke(event: str) -> None:
        s.client.invoke(
            FunctionName=name, InvocationType="Event", Payload=json.dumps(event).encode()
        )

    allow(1)
    invoke("01-sleep")
    _logged(s, name, "began 01-sleep")
    # The others wait until the update is over, however long that takes.
    allow(0)
    for number in range(2, 11):
        invoke(f"{number:02}-before")
    s.client.update_function_code(
        FunctionName=name, ZipFile=_code(_VARIANT % "variant-2")["ZipFile"]
    )
    s.updated(name)
    allow(1)
    for number in range(11, 16):
        invoke(f"{number:02}-after")
    for number in range(2, 16):
        _logged(s, name, f"ended {number:02}-{'before' if number < 11 else 'after'}")
    _logged(s, name, "ended 01-sleep")
    messages = [
        event["message"].strip().removeprefix("ended ")
        for event in s.clients("logs").filter_log_events(
            logGroupName=f"/aws/lambda/{name}", filterPattern="ended"
        )["events"]
    ]
    s.match("async_invoke_history_sorted", sorted(messages))


def _logged(s: Scenario, name: str, text: str) -> None:
    """Wait until a function has logged ``text``."""
    until(lambda: _events(s, name, text))


def _events(s: Scenario, name: str, text: str) -> Any:
    logs = s.clients("logs")
    try:
        return logs.filter_log_events(
            logGroupName=f"/aws/lambda/{name}", filterPattern=f'"{text}"'
        )["events"]
    except logs.exceptions.ResourceNotFoundException:
        return []


SCENARIOS: dict[str, Replay] = {
    "TestLambdaAliases::test_lambda_alias_moving": alias_moving,
    "TestLambdaBehavior::test_lambda_init_environment": init_environment,
    "TestLambdaBehavior::test_runtime_introspection_x86": introspection,
    "TestLambdaConcurrency::test_lambda_concurrency_crud": concurrency_crud,
    "TestLambdaConcurrency::test_lambda_provisioned_concurrency_moves_with_alias": (
        provisioned_moves_with_alias
    ),
    "TestLambdaConcurrency::test_reserved_concurrency_async_queue": reserved_async_queue,
    "TestLambdaConcurrency::test_reserved_provisioned_overlap": reserved_provisioned_overlap,
    "TestLambdaErrors::test_lambda_runtime_error": runtime_error,
    "TestLambdaErrors::test_lambda_runtime_exit": runtime_exit,
    "TestLambdaFeatures::test_basic_invoke": basic_invoke,
    "TestLambdaFeatures::test_invocation_type_no_return_payload[python-RequestResponse]": (
        returns_nothing
    ),
    "TestLambdaFeatures::test_invocation_type_request_response[python3.9]": request_response,
    "TestLambdaFeatures::test_invocation_with_qualifier": with_qualifier,
    "TestLambdaURL::test_lambda_url_echo_invoke[BUFFERED]": url_echo,
    "TestLambdaURL::test_lambda_url_invalid_invoke_mode": url_invalid_invoke_mode,
    "TestLambdaVersions::test_async_invoke_queue_upon_function_update": async_over_an_update,
    "TestLambdaVersions::test_lambda_handler_update": handler_update,
}
