"""Resets and deployments before the admin application is loaded answer as they do after it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import Running, create

_ACCOUNT = "111111111111"


def _post(running: Running, path: str, body: Any = None) -> tuple[int, Mapping[str, str], Any]:
    headers = {"Content-Type": "application/json"} if body is not None else {}
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(
        f"{running.url}/_emulator/{path}", data, headers, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, dict(answer.headers), json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), json.loads(error.read())


def _is_loaded(running: Running) -> bool:
    return running.emulator.router._admin is not None


def _load(running: Running) -> None:
    urllib.request.urlopen(f"{running.url}/_emulator/health", timeout=60).close()
    assert _is_loaded(running)


def _function(folder: Path) -> Path:
    (folder / "hello").mkdir()
    (folder / "hello" / "app.py").write_text("def handler(event, context):\n    return event\n")
    return folder / "hello"


def test_those_who_ask_first_together_have_one_application(
    scripted: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A browser asks for the timeline and for what follows it at once."""
    router, made = scripted.emulator.router, []
    make = router._make_admin

    def counted() -> Any:
        made.append(1)
        return make()

    monkeypatch.setattr(router, "_make_admin", counted)

    def load() -> None:
        urllib.request.urlopen(f"{scripted.url}/_emulator/health", timeout=60).close()

    with ThreadPoolExecutor(6) as executor:
        for each in [executor.submit(load) for _ in range(6)]:
            each.result()
    assert made == [1]
    assert not router._making


def test_a_reset(scripted: Running) -> None:
    def reset() -> Any:
        create(scripted.client("lambda", account=_ACCOUNT), "f")
        create(scripted.client("lambda"), "f")
        status, headers, value = _post(scripted, f"reset?account={_ACCOUNT}")
        assert scripted.client("lambda", account=_ACCOUNT).list_functions()["Functions"] == []
        assert len(scripted.client("lambda").list_functions()["Functions"]) == 1
        everything = _post(scripted, "reset")
        assert scripted.client("lambda").list_functions()["Functions"] == []
        del value["milliseconds"], everything[2]["milliseconds"]
        return status, headers["x-localfaas-version"], value, everything[0], everything[2]

    early = reset()
    assert not _is_loaded(scripted)
    _load(scripted)
    assert reset() == early
    assert early[0] == 200
    assert early[2] == {"account": _ACCOUNT}


def test_a_deployment(scripted: Running, tmp_path: Path) -> None:
    hello = str(_function(tmp_path))
    requests = [{"path": hello, "account": _ACCOUNT}, {"path": str(tmp_path / "nowhere")}]
    early = [_post(scripted, "deploy", each) for each in requests]
    found = scripted.client("lambda", account=_ACCOUNT).list_functions()["Functions"]
    assert [each["FunctionName"] for each in found] == ["hello"]
    assert not _is_loaded(scripted)
    _load(scripted)
    late = [_post(scripted, "deploy", each) for each in requests]
    assert [(status, value) for status, _, value in early] == [
        (status, value) for status, _, value in late
    ]
    assert [status for status, *_ in early] == [200, 400]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("reset?account=1", None),
        ("reset?account=١١١١١١١١١١١١".encode().decode("latin-1"), None),
        ("deploy", b"{"),
        ("deploy", b"[]"),
        ("deploy", {"path": 1}),
        ("deploy", {"path": "relative"}),
        ("deploy", {"account": "111111111111"}),
        ("deploy", {"path": "/", "parameters": {"A": 1}}),
        ("deploy", None),
    ],
)
def test_what_is_wrong_is_refused_by_the_application(
    scripted: Running, path: str, body: Any
) -> None:
    from urllib.parse import quote

    path = quote(path, safe="?=")
    early = _post(scripted, path, body)
    assert early[0] in (400, 422)
    assert _is_loaded(scripted)
    assert _post(scripted, path, body)[::2] == early[::2]
