"""Layers of a template: found in /opt, and followed as the code is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import localfaas_up
from tests.patience import until

_TEMPLATE = """
Resources:
  Uses:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: uses
      Handler: app.handler
      Runtime: python3.12
      CodeUri: code
      Timeout: 30
      MemorySize: 1769
      Layers: [!Ref First, !Ref Second]
  First: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: first}}
  Second: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: second}}
"""
_APP = """
import greeting, own
def handler(event, context):
    return f"{greeting.text}, {own.text}"
"""


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.slow
def test_a_function_finds_the_layers_of_its_template(tmp_path: Path) -> None:
    _write(tmp_path / "template.yaml", _TEMPLATE)
    _write(tmp_path / "code" / "app.py", _APP)
    _write(tmp_path / "first" / "python" / "greeting.py", "text = 'covered'\n")
    _write(tmp_path / "first" / "python" / "own.py", "text = 'first'\n")
    _write(tmp_path / "second" / "python" / "greeting.py", "text = 'hello'\n")
    with localfaas_up(tmp_path) as up:
        client = up.client()

        def call() -> Any:
            return json.load(client.invoke(FunctionName="uses")["Payload"])

        assert call() == "hello, first"
        layers = client.get_function_configuration(FunctionName="uses")["Layers"]
        assert [layer["Arn"].split(":", 5)[5] for layer in layers] == [
            "layer:First:1",
            "layer:Second:1",
        ]
        _write(tmp_path / "second" / "python" / "greeting.py", "text = 'good evening'\n")
        until(lambda: call() == "good evening, first")
