"""Archives reach functions as they are: links, names and modes, as on AWS."""

from __future__ import annotations

import io
import json
import os
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.settings import Settings
from tests.acceptance.drivers import settings
from tests.api.conftest import Running, create

_READ = "def handler(event, context):\n    with open(event) as file:\n        return file.read()\n"
_RUN = "#!/bin/sh\nwhile :; do sleep 1; done\n"


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    running = Running(settings("process"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def client(running: Running) -> Any:
    return running.client("lambda")


def _archive(*entries: tuple[str, str, int]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        for name, text, mode in entries:
            info = zipfile.ZipInfo(name)
            info.create_system = 3
            info.external_attr = mode << 16
            opened.writestr(info, text)
    return buffer.getvalue()


def _file(name: str, text: str, mode: int = 0o644) -> tuple[str, str, int]:
    return name, text, stat.S_IFREG | mode


def _link(name: str, target: str) -> tuple[str, str, int]:
    return name, target, stat.S_IFLNK | 0o777


def _invoke(client: Any, name: str, event: Any = None) -> Any:
    result = client.invoke(FunctionName=name, Payload=json.dumps(event).encode())
    return json.loads(result["Payload"].read())


def _make(client: Any, name: str, *entries: tuple[str, str, int], **fields: Any) -> None:
    create(client, name, Code={"ZipFile": _archive(*entries)}, Runtime="python3.11", **fields)


def test_links_lead_where_they_lead_in_the_sandbox(client: Any, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("of this machine")
    layer = client.publish_layer_version(
        LayerName="links", Content={"ZipFile": _archive(_file("lib/data", "layer"))}
    )["LayerVersionArn"]
    _make(
        client,
        "links",
        _file("app.py", _READ),
        _link("lib", "/opt/lib"),
        _link("up", "../../opt/lib/data"),
        _link("deep/tmp", "/tmp/written"),
        _link("out", str(tmp_path / "secret")),
        Layers=[layer],
    )
    assert _invoke(client, "links", "/var/task/lib/data") == "layer"
    assert _invoke(client, "links", "/var/task/up") == "layer"
    for place in ("deep/tmp", "out"):
        assert _invoke(client, "links", f"/var/task/{place}")["errorType"] == "FileNotFoundError"


def test_a_bootstrap_may_be_a_link_into_a_layer(client: Any) -> None:
    layer = client.publish_layer_version(
        LayerName="boot", Content={"ZipFile": _archive(_file("real/bootstrap", _RUN, 0o755))}
    )["LayerVersionArn"]
    archive = _archive(_link("bootstrap", "/opt/real/bootstrap"))
    fields = {"Code": {"ZipFile": archive}, "Runtime": "provided.al2023"}
    create(client, "boot", Layers=[layer], Timeout=1, **fields)
    assert _invoke(client, "boot")["errorType"] == "Sandbox.Timedout"  # it was started
    # What can't be started is tried again within the call.
    create(client, "no-boot", **{**fields, "Timeout": 60})
    assert _invoke(client, "no-boot")["errorType"] == "Runtime.InvalidEntrypoint"


def test_a_name_keeps_its_backslash(client: Any) -> None:
    name = "wwwroot\\app.css"
    text = "import os\ndef handler(event, context):\n    return sorted(os.listdir('.'))\n"
    data = _archive(_file("app.py", text), _file("wwwrootXapp.css", "x"))
    archive = data.replace(b"wwwrootXapp.css", name.encode())
    create(client, "names", Code={"ZipFile": archive}, Runtime="python3.11")
    assert _invoke(client, "names") == sorted(["app.py", name])


@pytest.mark.skipif(os.getuid() != 0, reason="only root's emulator has functions of other users")
def test_what_others_can_not_read_fails_as_on_aws_and_is_said_at_once(
    client: Any, running: Running
) -> None:
    _make(client, "modes", _file("app.py", _READ, 0o600), _file("ok", "x"))
    (warning,) = [text for text in running.console.warnings if text.startswith("modes:")]
    assert "app.py (mode 0600)" in warning
    assert "ok" not in warning.partition("app.py")[0]
    told = _invoke(client, "modes", "app.py")
    assert told["errorType"] == "Runtime.ImportModuleError" or "Permission denied" in str(told)


def test_modes_are_kept(client: Any) -> None:
    text = (
        "import os\n"
        "def handler(event, context):\n"
        "    return {name: oct(os.stat(name).st_mode & 0o7777) for name in event}\n"
    )
    files = [_file("app.py", text), _file("a", "", 0o755), _file("b", "", 0o444)]
    _make(client, "kept", *files, _file("c", "", 0o666), _file("d", "", 0o4755))
    found = _invoke(client, "kept", ["a", "b", "c", "d"])
    assert found == {"a": "0o755", "b": "0o444", "c": "0o666", "d": "0o755"}


def test_strict_settings_refuse_what_can_not_be_read() -> None:
    from emulator.testing import ScriptedDriver

    running = Running(Settings(port=0, strict=True), driver=ScriptedDriver())
    try:
        with pytest.raises(ClientError, match=r"app\.py \(mode 0600\)"):
            _make(running.client("lambda"), "f", _file("app.py", _READ, 0o600))
    finally:
        running.stop()
