"""Events and messages on the command line."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from emulator.cli.application import run
from emulator.cli.documents import read_document
from emulator.cli.terminal import CommandError


@pytest.mark.parametrize(
    "text", ['{"a": 1}', " [1, 2]\n", '"text"', "3", "null", "9" * 5000, "[" * 100_000]
)
def test_json_stands_for_itself(text: str) -> None:
    assert read_document(text, "event") == text.encode()


def test_a_file_with_and_without_the_sign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("event.json").write_bytes(b'{"from": "file"}\n')
    Path("1").write_bytes(b"of that name")
    for given in ("event.json", "@event.json", f"{tmp_path}/event.json", f"@{tmp_path}/event.json"):
        assert read_document(given, "event") == b'{"from": "file"}\n'
    assert read_document("1", "event") == b"1", "JSON comes first"
    assert read_document("@1", "event") == b"of that name"


def test_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xff anything")))
    assert read_document("-", "event") == b"\xff anything"


@pytest.mark.parametrize("given", ["sample/evnt.json", "hello", "", "x" * 5000, "~/event.json"])
def test_what_is_none_of_these_is_said(given: str) -> None:
    with pytest.raises(CommandError) as error:
        read_document(given, "event")
    assert "neither JSON nor a file that exists" in str(error.value)
    assert "JSON, FILE or @FILE, or - for stdin" in str(error.value)


def test_broken_json_is_not_called_a_path() -> None:
    with pytest.raises(CommandError, match=r"the event is not valid JSON: .* line 1 column 2"):
        read_document("{name: 1}", "event")


@pytest.mark.parametrize("given", ["{0}", "@{0}", "@{0}/missing"])
def test_what_can_not_be_read_is_said(given: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="can't read"):
        read_document(given.format(tmp_path), "event")


@pytest.mark.parametrize(
    "arguments", [["invoke", "hello", "-e", "no/such.json"], ["queue", "send", "q", "no/such.json"]]
)
def test_every_command_says_so_before_it_asks_an_emulator(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*arguments, "--endpoint", "http://127.0.0.1:9"]) == 1
    assert "'no/such.json' is neither JSON nor a file" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["a: [b", "a: !!bool x", "? [1]\n: 2"])
def test_a_definition_of_yaml_that_is_none_is_refused_in_a_line(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "order.asl.yaml").write_text(text)
    given = f"@{tmp_path}/order.asl.yaml"
    assert run(["workflow", "test", given, "--endpoint", "http://127.0.0.1:9"]) == 1
    assert "is neither JSON nor YAML: " in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_of_others(tmp_path: Path) -> None:
    (tmp_path / "event.json").touch(mode=0)
    with pytest.raises(CommandError, match="Permission denied"):
        read_document(str(tmp_path / "event.json"), "event")
