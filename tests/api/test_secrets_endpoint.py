"""The endpoint of the Parameters-and-Secrets extension."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from emulator.model.jumping_clock import JumpingClock
from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.acceptance.conftest import free_port
from tests.api.conftest import Running, create
from tests.api.standing_clock import StandingClock

_CLOCK = JumpingClock(StandingClock())
_LAYER = (
    "arn:aws:lambda:us-east-1:177933569100:layer:AWS-Parameters-and-Secrets-Lambda-Extension:12"
)


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    running = Running(Settings(port=0, transition_seconds=0), driver=ScriptedDriver(), clock=_CLOCK)
    ssm, secrets = running.client("ssm"), running.client("secretsmanager")
    ssm.put_parameter(Name="/a/plain", Value="one", Type="String")
    ssm.put_parameter(Name="/a/secure", Value="shut", Type="SecureString")
    secrets.create_secret(Name="key", SecretString="abc")
    secrets.create_secret(Name="bytes", SecretBinary=b"\x00\x01")
    ssm.close()
    secrets.close()
    yield running
    running.stop()


class Function:
    """A function with the extension, and what its code would ask."""

    def __init__(self, running: Running, name: str, **variables: str) -> None:
        self.port = free_port()
        client = running.client("lambda")
        create(
            client,
            name,
            Layers=[_LAYER],
            Environment={
                "Variables": {
                    "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": str(self.port),
                    **variables,
                }
            },
        )
        client.invoke(FunctionName=name)["Payload"].read()
        client.close()
        (self.environ,) = (
            each.spec.environ
            for each in running.emulator.pools.environments.values()
            if each.version.name == name
        )

    def get(self, path: str, token: str | None = None, **query: str) -> tuple[int, Any]:
        headers = {"X-Aws-Parameters-Secrets-Token": token or self.environ["AWS_SESSION_TOKEN"]}
        if token == "":
            headers = {}
        url = f"http://localhost:{self.port}/{path}?{urlencode(query)}"
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def parameter(self, name: str = "/a/plain", **query: str) -> Any:
        status, found = self.get("systemsmanager/parameters/get", name=name, **query)
        return found["Parameter"]["Value"] if status == 200 else (status, found)


@pytest.fixture(scope="module")
def function(running: Running) -> Function:
    return Function(running, "asks")


def test_parameters_and_secrets_are_answered_as_by_the_services(function: Function) -> None:
    status, found = function.get("systemsmanager/parameters/get", name="/a/plain")
    assert status == 200
    assert found["Parameter"] | {"LastModifiedDate": ""} == {
        "ARN": "arn:aws:ssm:us-east-1:000000000000:parameter/a/plain",
        "DataType": "text",
        "LastModifiedDate": "",
        "Name": "/a/plain",
        "Type": "String",
        "Value": "one",
        "Version": 1,
    }
    assert found["Parameter"]["LastModifiedDate"].endswith("Z")
    assert found["ResultMetadata"] == {}
    assert function.parameter("/a/secure", withDecryption="true") == "shut"
    assert function.parameter("/a/secure") != "shut"
    status, found = function.get("secretsmanager/get", secretId="key")
    assert (status, found["SecretString"], found["VersionStages"]) == (200, "abc", ["AWSCURRENT"])
    assert function.get("secretsmanager/get", secretId="bytes")[1]["SecretBinary"] == "AAE="


def test_values_are_kept_until_their_time_is_over(running: Running, function: Function) -> None:
    ssm = running.client("ssm")
    assert function.parameter() == "one"
    ssm.put_parameter(Name="/a/plain", Value="two", Overwrite=True)
    assert function.parameter() == "one"
    running.call(lambda: _CLOCK.jump(299))
    assert function.parameter() == "one"
    running.call(lambda: _CLOCK.jump(2))
    assert function.parameter() == "two"
    assert function.parameter(version="1") == "one"
    ssm.put_parameter(Name="/a/plain", Value="three", Overwrite=True)
    ssm.label_parameter_version(Name="/a/plain", ParameterVersion=3, Labels=["new"])
    assert function.parameter(label="new") == "three"
    assert function.parameter() == "two"
    assert function.parameter(refreshNow="true") == "three"
    assert function.parameter() == "three"
    ssm.close()


def test_variables_say_what_is_kept(running: Running) -> None:
    ssm = running.client("ssm")
    ssm.put_parameter(Name="/b", Value="1", Type="String")
    never = Function(running, "never", SSM_PARAMETER_STORE_TTL="0")
    off = Function(running, "off", PARAMETERS_SECRETS_EXTENSION_CACHE_ENABLED="false")
    one = Function(running, "one", PARAMETERS_SECRETS_EXTENSION_CACHE_SIZE="1")
    assert [each.parameter("/b") for each in (never, off, one)] == ["1", "1", "1"]
    ssm.put_parameter(Name="/b", Value="2", Overwrite=True)
    assert [each.parameter("/b") for each in (never, off, one)] == ["2", "2", "1"]
    one.parameter("/a/plain")  # pushes the other one out
    assert one.parameter("/b") == "2"
    ssm.close()


def test_what_is_wrong_is_told(function: Function) -> None:
    path = "systemsmanager/parameters/get"
    assert function.get(path, token="", name="/a/plain")[0] == 401
    assert function.get(path, token="bm9uZQ==", name="/a/plain")[0] == 401
    assert function.get(path)[0] == 400
    assert function.get("elsewhere")[0] == 404
    status, text = function.get(path, name="/none")
    assert (status, "ParameterNotFound" in text) == (400, True)
    status, text = function.get("secretsmanager/get", secretId="none")
    assert (status, "ResourceNotFoundException" in text) == (400, True)


def test_functions_without_the_layer_open_no_port(running: Running, function: Function) -> None:
    client = running.client("lambda")
    before = len(running.emulator._servers._listeners)
    create(client, "without")
    client.invoke(FunctionName="without")["Payload"].read()
    assert len(running.emulator._servers._listeners) == before
    layers = client.get_function_configuration(FunctionName="asks")["Layers"]
    assert layers == [{"Arn": _LAYER, "CodeSize": 0}]
    client.close()
