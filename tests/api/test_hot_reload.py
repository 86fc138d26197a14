"""The bucket hot-reload: code of this machine's folders and archives, through any client."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.api.conftest import Running, create, zip_of


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    settings = Settings(
        port=0,
        state=tmp_path / "state",
        transition_seconds=0,
        watch=False,
        allow_code=(str(tmp_path / "code"),),
    )
    (tmp_path / "code" / "fn").mkdir(parents=True)
    (tmp_path / "code" / "fn" / "app.py").write_text("def handler(event, context): pass\n")
    (tmp_path / "code" / "fn.zip").write_bytes(zip_of(app__py="one"))
    running = Running(settings, driver=ScriptedDriver())
    yield running
    if not running.loop.is_closed():
        running.stop()


def _code(path: Path) -> dict[str, str]:
    return {"S3Bucket": "hot-reload", "S3Key": str(path)}


@pytest.mark.parametrize("name", ["fn", "fn.zip"])
def test_functions_and_layers_are_served_live(running: Running, tmp_path: Path, name: str) -> None:
    client = running.client("lambda")
    path = tmp_path / "code" / name
    layer = client.publish_layer_version(LayerName="l", Content=_code(path))["LayerVersionArn"]
    create(client, Code=_code(path), Layers=[layer])
    (function,) = running.emulator.registry.all()
    assert function.latest.code.source == path
    assert function.latest.layers[0].code.source == path
    create(client, "other")
    client.update_function_code(FunctionName="other", **_code(path))
    client.publish_version(FunctionName="other")
    (other,) = (each for each in running.emulator.registry.all() if each.name == "other")
    assert other.versions["1"].code.source == path
    location = client.get_function(FunctionName="hello")["Code"]["Location"]
    assert location.startswith(running.url)


def test_live_functions_last(running: Running, tmp_path: Path) -> None:
    create(running.client("lambda"), Code=_code(tmp_path / "code" / "fn"))
    running.stop()
    settings = Settings(port=0, state=tmp_path / "state", transition_seconds=0, watch=False)
    again = Running(settings, driver=ScriptedDriver())
    try:
        (function,) = again.emulator.registry.all()
        assert function.latest.code.live
        assert (
            again.client("lambda").invoke(FunctionName="hello", Payload=b"1")["StatusCode"] == 200
        )
    finally:
        again.stop()


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("code/gone", "gone does not exist"),
        ("code/fn/app.py", "Could not unzip uploaded file"),
        ("elsewhere", "start localfaas with --allow-code"),
        ("code/../elsewhere", "start localfaas with --allow-code"),
        ("code/link", "start localfaas with --allow-code"),
    ],
)
def test_what_is_no_code(running: Running, tmp_path: Path, key: str, says: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "code" / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ClientError, match=says) as caught:
        create(running.client("lambda"), Code=_code(tmp_path / key))
    assert caught.value.response["Error"]["Code"] == "InvalidParameterValueException"
