"""What the API was told outlives a kill -9 of the emulator."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import boto3
import pytest
from botocore.config import Config

from emulator.settings import Settings
from emulator.store.connection import Durability
from emulator.testing import ScriptedDriver
from tests.api.conftest import ECHO, Running, create, zip_of

pytestmark = pytest.mark.thorough

_SERVE = """
import asyncio, sys
from pathlib import Path
from emulator.app import Emulator
from emulator.settings import Settings
from emulator.store.connection import Durability
from emulator.testing import ScriptedDriver

async def main():
    settings = Settings(port=0, state=Path(sys.argv[1]), transition_seconds=0)
    emulator = Emulator(settings, driver=ScriptedDriver())
    await emulator.run(on_ready=lambda: print(emulator.port, flush=True))

asyncio.run(main())
"""


@contextmanager
def emulator(state: Path) -> Iterator[Any]:
    """Run an emulator over ``state``, give a client of it, and kill it."""
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVE, str(state)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    try:
        port = int(process.stdout.readline())
        client = boto3.client(
            "lambda",
            endpoint_url=f"http://localhost:{port}",
            region_name="us-east-1",
            aws_access_key_id="000000000000",
            aws_secret_access_key="test",
            config=Config(retries={"max_attempts": 0}),
        )
        yield client
        client.close()
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait(60)
        process.stdout.close()


def _furnish(client: Any) -> None:
    layer = client.publish_layer_version(LayerName="layer", Content={"ZipFile": ECHO})
    client.publish_layer_version(LayerName="layer", Content={"ZipFile": ECHO})
    client.delete_layer_version(LayerName="layer", VersionNumber=2)
    client.add_layer_version_permission(
        LayerName="layer",
        VersionNumber=1,
        StatementId="one",
        Action="lambda:GetLayerVersion",
        Principal="*",
    )
    signing = client.create_code_signing_config(
        AllowedPublishers={
            "SigningProfileVersionArns": [
                "arn:aws:signer:us-east-1:000000000000:/signing-profiles/p/v"
            ]
        },
        Tags={"a": "b"},
    )["CodeSigningConfig"]
    client.create_capacity_provider(
        CapacityProviderName="provider",
        VpcConfig={"SubnetIds": ["subnet-0123456789abcdef0"], "SecurityGroupIds": []},
        PermissionsConfig={
            "CapacityProviderOperatorRoleArn": "arn:aws:iam::000000000000:role/role"
        },
    )
    create(client, "gone")
    client.delete_function(FunctionName="gone")
    create(
        client,
        Tags={"team": "x"},
        Layers=[layer["LayerVersionArn"]],
        Environment={"Variables": {"AB": "1"}},
        LoggingConfig={"LogFormat": "JSON"},
        EphemeralStorage={"Size": 1024},
        CodeSigningConfigArn=signing["CodeSigningConfigArn"],
    )
    hello = {"FunctionName": "hello"}
    for number in range(12):
        client.update_function_configuration(**hello, Description=f"version {number}")
        client.publish_version(**hello)
    client.delete_function(**hello, Qualifier="3")
    client.create_alias(
        **hello,
        Name="live",
        FunctionVersion="1",
        RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}},
    )
    client.add_permission(
        **hello, StatementId="s3", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com"
    )
    client.put_function_event_invoke_config(**hello, MaximumRetryAttempts=0)
    client.create_function_url_config(**hello, AuthType="NONE", Qualifier="live")
    client.put_function_concurrency(**hello, ReservedConcurrentExecutions=5)
    client.put_provisioned_concurrency_config(
        **hello, Qualifier="1", ProvisionedConcurrentExecutions=1
    )
    client.put_function_recursion_config(**hello, RecursiveLoop="Allow")
    broker = "arn:aws:mq:us-east-1:000000000000:broker:broker:b-1"
    client.create_event_source_mapping(**hello, EventSourceArn=broker, Queues=["q"], Enabled=False)


def _told(client: Any) -> dict[str, Any]:
    """Return all that the API tells of what was furnished."""
    hello = {"FunctionName": "hello"}
    calls: dict[str, tuple[str, dict[str, Any]]] = {
        "functions": ("list_functions", {"FunctionVersion": "ALL"}),
        "function": ("get_function", hello),
        "version": ("get_function_configuration", {**hello, "Qualifier": "12"}),
        "versions": ("list_versions_by_function", hello),
        "aliases": ("list_aliases", hello),
        "policy": ("get_policy", hello),
        "event invoke": ("get_function_event_invoke_config", hello),
        "urls": ("list_function_url_configs", hello),
        "concurrency": ("get_function_concurrency", hello),
        "recursion": ("get_function_recursion_config", hello),
        "signing": ("get_function_code_signing_config", hello),
        "signings": ("list_code_signing_configs", {}),
        "providers": ("list_capacity_providers", {}),
        "mappings": ("list_event_source_mappings", {}),
        "layers": ("list_layers", {}),
        "layer": ("get_layer_version", {"LayerName": "layer", "VersionNumber": 1}),
        "layer policy": ("get_layer_version_policy", {"LayerName": "layer", "VersionNumber": 1}),
        "account": ("get_account_settings", {}),
    }
    told = {}
    for name, (operation, request) in calls.items():
        answer = getattr(client, operation)(**request)
        del answer["ResponseMetadata"]
        told[name] = answer
    # These hold the port, which is another one after a restart.
    told["function"]["Code"].pop("Location")
    told["layer"]["Content"].pop("Location")
    for url in told["urls"]["FunctionUrlConfigs"]:
        url["FunctionUrl"] = url["FunctionUrl"].rpartition(":")[0]
    provisioned = client.get_provisioned_concurrency_config(**hello, Qualifier="1")
    told["provisioned"] = provisioned["RequestedProvisionedConcurrentExecutions"]
    return told


def test_everything_survives_a_kill(tmp_path: Path) -> None:
    with emulator(tmp_path) as client:
        _furnish(client)
        before = _told(client)
    assert [v["Version"] for v in before["versions"]["Versions"]][1:4] == ["1", "2", "4"]
    with emulator(tmp_path) as client:
        assert _told(client) == before
        # Version numbers are never given twice, and unchanged code is not published again.
        assert client.publish_version(FunctionName="hello")["Version"] == "12"
        client.update_function_configuration(FunctionName="hello", Timeout=7)
        assert client.publish_version(FunctionName="hello")["Version"] == "13"
        published = client.publish_layer_version(LayerName="layer", Content={"ZipFile": ECHO})
        assert published["Version"] == 3
        answer = client.invoke(FunctionName="hello", Qualifier="1", Payload=b"[1]")
        assert answer["Payload"].read() == b"[1]"


def test_numbers_of_versions_never_repeat(tmp_path: Path) -> None:
    with emulator(tmp_path) as client:
        create(client, Publish=True)
        create(client, "again", Publish=True)
        for name in ("hello", "again"):
            client.delete_function(FunctionName=name)
        create(client, "again")
    with emulator(tmp_path) as client:
        assert create(client, Publish=True)["Version"] == "2"
        assert client.publish_version(FunctionName="again")["Version"] == "2"


def test_unpacked_code_that_was_lost_is_unpacked_again(tmp_path: Path) -> None:
    with emulator(tmp_path) as client:
        create(client)
    unpacked = tmp_path / "code"
    names = _names(unpacked)
    shutil.rmtree(unpacked)
    with emulator(tmp_path) as client:
        assert client.invoke(FunctionName="hello")["StatusCode"] == 200
        assert _names(unpacked) == names


def test_code_that_nothing_uses_any_more_is_removed_at_the_next_start(tmp_path: Path) -> None:
    with emulator(tmp_path) as client:
        create(client, "kept")
        create(client, "gone", Code={"ZipFile": zip_of(app__py="VERSION = 1\n")})
        client.delete_function(FunctionName="gone")
    assert len(_names(tmp_path / "code")) == len(_blobs(tmp_path)) == 2
    with emulator(tmp_path) as client:
        assert len(_names(tmp_path / "code")) == len(_blobs(tmp_path)) == 1
        assert client.invoke(FunctionName="kept")["StatusCode"] == 200
        # What was removed may come back.
        create(client, "gone", Code={"ZipFile": zip_of(app__py="VERSION = 1\n")})
        assert client.invoke(FunctionName="gone")["StatusCode"] == 200


def _names(unpacked: Path) -> list[str]:
    return sorted(path.name for path in unpacked.iterdir() if not path.name.startswith("."))


def _blobs(state: Path) -> list[Path]:
    return [path for path in (state / "blobs").rglob("*") if path.is_file()]


def test_a_synchronous_invoke_writes_nothing_durable(
    scripted_state: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = scripted_state.client("lambda")
    create(client)
    database = scripted_state.emulator.store.database
    submit = Mock(wraps=database.submit)
    monkeypatch.setattr(database, "submit", submit)
    for _ in range(5):
        client.invoke(FunctionName="hello", Payload=b"{}")
    submit.assert_not_called()
    client.tag_resource(
        Resource="arn:aws:lambda:us-east-1:000000000000:function:hello", Tags={"a": "b"}
    )
    submit.assert_called_once()


@pytest.mark.parametrize(("durability", "level"), [("full", 2), ("normal", 1), ("off", 0)])
def test_durability_is_a_setting(tmp_path: Path, durability: Durability, level: int) -> None:
    settings = Settings(port=0, state=tmp_path / "state", durability=durability)
    running = Running(settings, driver=ScriptedDriver())
    try:
        database = running.emulator.store.database
        asked = running.call(
            lambda: database.write(lambda c: c.execute("PRAGMA synchronous").fetchone()[0])
        )
        assert asked == level
    finally:
        running.stop()
