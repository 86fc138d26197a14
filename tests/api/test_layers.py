"""Layers: in versions, and applied to functions."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.services.lambda_.code import layers
from tests.api.conftest import ECHO, Running, create, zip_of


@pytest.fixture
def client(scripted: Running) -> Any:
    return scripted.client("lambda")


def _publish(client: Any, name: str = "layer", **fields: Any) -> str:
    request = {"Content": {"ZipFile": ECHO}, **fields}
    return client.publish_layer_version(LayerName=name, **request)["LayerVersionArn"]


def test_numbers_are_never_given_twice(client: Any) -> None:
    assert _publish(client).endswith(":layer:layer:1")
    client.delete_layer_version(LayerName="layer", VersionNumber=1)
    assert _publish(client).endswith(":layer:layer:2")
    arn = "arn:aws:lambda:us-east-1:000000000000:layer:layer"
    assert client.get_layer_version(LayerName=arn, VersionNumber=2)["Version"] == 2
    assert client.get_layer_version_by_arn(Arn=f"{arn}:2")["LayerArn"] == arn


def test_lists_by_what_they_are_made_for(client: Any) -> None:
    _publish(client, CompatibleRuntimes=["python3.12"], CompatibleArchitectures=["arm64"])
    _publish(client, CompatibleRuntimes=["nodejs22.x"])
    _publish(client, "other")
    assert [each["LayerName"] for each in client.list_layers()["Layers"]] == ["layer", "other"]
    found = client.list_layers(CompatibleRuntime="python3.12")["Layers"]
    assert [each["LatestMatchingVersion"]["Version"] for each in found] == [1]
    versions = client.list_layer_versions(LayerName="layer", MaxItems=1)
    assert [each["Version"] for each in versions["LayerVersions"]] == [2]
    rest = client.list_layer_versions(LayerName="layer", Marker=versions["NextMarker"])
    assert [each["Version"] for each in rest["LayerVersions"]] == [1]
    arm = client.list_layer_versions(LayerName="layer", CompatibleArchitecture="arm64")
    assert [each["Version"] for each in arm["LayerVersions"]] == [1]


def test_applied_in_order(client: Any, scripted: Running) -> None:
    arns = [_publish(client, name, Content={"ZipFile": zip_of(**{name: name})}) for name in "ba"]
    created = create(client, Layers=arns)
    assert [each["Arn"] for each in created["Layers"]] == arns
    client.invoke(FunctionName="hello")
    spec = scripted.scripted_driver.sandboxes[0].spec
    assert [sorted(path.name for path in folder.iterdir()) for folder in spec.layers] == [
        ["b"],
        ["a"],
    ]
    # A layer that is deleted goes on being used by who has it, and is given to nobody else.
    client.delete_layer_version(LayerName="a", VersionNumber=1)
    client.update_function_configuration(FunctionName="hello", Timeout=9)
    assert len(client.get_function_configuration(FunctionName="hello")["Layers"]) == 2
    with pytest.raises(ClientError, match="does not exist"):
        create(client, "another", Layers=arns)
    assert "Layers" not in client.update_function_configuration(FunctionName="hello", Layers=[])


def test_code_and_layers_together_are_limited(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    arn = _publish(client)
    monkeypatch.setattr(layers, "UNZIPPED_CODE", 60)
    with pytest.raises(ClientError, match="Function code combined with layers exceeds"):
        create(client, Layers=[arn])
    assert client.list_functions()["Functions"] == []


def test_what_is_no_layer(client: Any) -> None:
    with pytest.raises(ClientError, match="Please provide a source for layer content"):
        client.publish_layer_version(LayerName="layer", Content={})
    with pytest.raises(ClientError, match="Could not unzip uploaded file"):
        client.publish_layer_version(LayerName="layer", Content={"ZipFile": b"no zip"})
    assert client.list_layers()["Layers"] == []


def test_a_layers_region_is_checked_before_the_functions_name(client: Any) -> None:
    create(client)
    arn = "arn:aws:lambda:eu-west-1:000000000000:layer:layer:1"
    with pytest.raises(ClientError, match="expected to be in region us-east-1"):
        create(client, Layers=[arn])
    with pytest.raises(ClientError, match="Function already exist"):
        create(client, Layers=[arn.replace("eu-west-1", "us-east-1")])
