"""What holds for every command there is, and for those to come."""

from __future__ import annotations

import re
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import typer.main

from emulator.cli.application import COMMANDS, application, run


def _walk(group: Any, before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        yield (*before, name), command
        if hasattr(command, "commands"):
            yield from _walk(command, (*before, name))


ALL = dict(_walk(typer.main.get_command(application())))
#: The words of each command with an argument for each that it needs.
COMPLETE = {
    words: [
        *words,
        *("{}" for param in command.params if param.required and param.param_type_name != "option"),
    ]
    for words, command in ALL.items()
}
#: What else some need to ask a running emulator once.
_ASKED_WITH = {("events", "replay"): ["--all"], ("wait",): ["--timeout", "0"]}
#: Those that ask a running emulator.
CLIENTS = [
    [*complete, *_ASKED_WITH.get(words, ())]
    for words, complete in COMPLETE.items()
    if any("--endpoint" in param.opts for param in ALL[words].params)
    and words not in (("env",), ("doctor",))  # which need none
]
every = pytest.mark.parametrize("words", list(ALL), ids=" ".join)
every_client = pytest.mark.parametrize("words", CLIENTS, ids=" ".join)


def test_each_is_a_module_of_its_name_and_a_line_in_the_table() -> None:
    folder = Path(sys.modules["emulator.cli"].__path__[0]) / "commands"
    modules = {path.stem.replace("_", "-") for path in folder.glob("[a-z]*.py")}
    assert modules == set(COMMANDS) == {words[0] for words in ALL}


@every
def test_help_is_whole_and_in_words(words: tuple[str, ...], capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run([*words, "--help"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"Usage: localfaas {' '.join(words)} ")
    example = out.partition("Example: ")[2].splitlines()[0]
    assert f"localfaas {' '.join(words)}" in example
    assert max(map(len, out.splitlines())) <= 80
    usage, _, rest = out.partition("\n")
    assert not re.search(r"<\w+( range)?>|<=x|x>=|\{\w+\}", out), out
    assert not re.search(r"\.\.\.$", rest, re.MULTILINE), "a sentence is cut"
    assert "{" not in usage
    for param in ALL[words].params:
        assert getattr(param, "help", "") != "", f"{param.name} has no help"
    first = ALL[words].help.split("\n\n")[0]
    assert first.endswith("."), "the first paragraph is a sentence"


@every
@pytest.mark.parametrize("wrong", ["--nonsense", "too many words for it"])
def test_wrong_usage_is_said_and_exits_with_2(
    words: tuple[str, ...], wrong: str, capsys: Any
) -> None:
    if any(param.nargs == -1 for param in ALL[words].params):
        wrong = "--nonsense"  # it takes any number of words
    assert run([*COMPLETE[words], *wrong.split()]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert f"Usage: localfaas {words[0]}" in captured.err
    assert "Traceback" not in captured.err


@pytest.mark.parametrize(
    "words", [words for words in ALL if COMPLETE[words] != list(words)], ids=" ".join
)
def test_an_argument_that_is_missing_is_named(words: tuple[str, ...], capsys: Any) -> None:
    assert run(list(words)) == 2
    assert "Missing argument" in capsys.readouterr().err


@every_client
def test_without_an_emulator_the_remedy_is_named(words: list[str], capsys: Any) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        assert run([*words, "--endpoint", endpoint]) == 1
    assert "start one with `localfaas up`" in capsys.readouterr().err


@contextmanager
def another_program(reply: bytes) -> Iterator[str]:
    """Let something that is no emulator listen; yields its address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        over = threading.Event()

        def serve() -> None:
            while True:
                connection = listening.accept()[0]
                with connection:
                    if over.is_set():
                        return
                    connection.settimeout(60)
                    connection.recv(65536)
                    connection.sendall(reply)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            over.set()
            # It is awake at once.
            socket.create_connection(listening.getsockname()).close()
            thread.join()


def http(status: str, body: bytes) -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status.encode(), len(body), body)


@every_client
@pytest.mark.parametrize(
    "reply",
    [
        http("200 OK", b"<html>welcome</html>"),
        http("404 Not Found", b"<html>nothing here</html>"),
        http("200 OK", b"{}"),
        http("200 OK", b"[]"),
        http("500 Internal Server Error", b'{"message": "broken"}'),
        http("204 No Content", b""),
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"",
    ],
    ids=["html", "html404", "object", "list", "error", "empty", "ssh", "hangs-up"],
)
def test_another_program_is_not_taken_for_an_emulator(
    words: list[str], reply: bytes, capsys: Any
) -> None:
    with another_program(reply) as endpoint:
        assert run([*words, "--endpoint", endpoint]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert endpoint in captured.err


@every_client
@pytest.mark.parametrize("endpoint", ["ftp://x", "http://", "http://x:99999"])
def test_an_endpoint_that_is_none_is_refused(words: list[str], endpoint: str, capsys: Any) -> None:
    assert run([*words, "--endpoint", endpoint]) == 1
    assert "is not an endpoint" in capsys.readouterr().err
