"""How requests of AWS's protocols are read and answered, message by message."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest

from emulator.edge.aws_handler import AwsHandler
from emulator.model.limits import CODE_REQUEST
from emulator.services.table import Table

FORM = b"application/x-www-form-urlencoded"
WHO = b"Action=GetCallerIdentity&Version=2011-06-15"
GONE = {"type": "http.disconnect"}
SIGNATURE = b"AWS4-HMAC-SHA256 Credential=%s/20260101/eu-west-1/%s/aws4_request, Signature=0"


def part(body: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def handler() -> AwsHandler:
    table = Table()
    parts: Any = SimpleNamespace()
    table.parts = parts
    return AwsHandler(table)


#: One for all: it remembers callers.
HANDLER = handler()


async def ask(
    *messages: dict[str, Any],
    headers: dict[bytes, bytes] | None = None,
    path: str = "/",
    query: bytes = b"",
) -> tuple[int, bytes] | None:
    """Send the parts of a request; return status and body of the answer, or None without one."""
    rest, sent = iter(messages), list[Any]()

    async def receive() -> Any:
        return next(rest)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
    }
    await HANDLER(scope, headers or {}, receive, send)
    assert next(rest, None) is None, "a part of the request was not read"
    if not sent:
        return None
    start, *bodies = sent
    return start["status"], b"".join(body["body"] for body in bodies)


def credential(key: str, service: str) -> dict[bytes, bytes]:
    return {b"authorization": SIGNATURE % (key.encode(), service.encode())}


@pytest.mark.parametrize("cuts", [[], [1], [10, 20], [len(WHO)]])
async def test_a_form_is_read_whole_before_it_says_what_it_is_for(cuts: list[int]) -> None:
    bounds = [0, *cuts, len(WHO)]
    pieces = [WHO[start:end] for start, end in pairwise(bounds)]
    messages = [part(piece, more=True) for piece in pieces[:-1]] + [part(pieces[-1])]
    answer = await ask(*messages, headers={b"content-type": FORM})
    assert answer is not None
    assert (answer[0], b"<Account>000000000000</Account>" in answer[1]) == (200, True)


async def test_the_access_key_is_the_account_in_headers_and_in_presigned_urls() -> None:
    headers = {b"content-type": FORM, **credential("111122223333", "sts")}
    answer = await ask(part(WHO), headers=headers)
    assert answer is not None
    assert b"<Account>111122223333</Account>" in answer[1]
    presigned = WHO + b"&X-Amz-Credential=222233334444%2F20260101%2Feu-west-1%2Fsts%2Faws4_request"
    # The credential of a presigned URL stands in its query string.
    answer = await ask(
        part(b""), query=presigned.replace(b"X-Amz-Credential=", b"X-Amz-Credential=")
    )
    assert answer is not None
    assert b"<Account>222233334444</Account>" in answer[1]


async def test_a_client_that_has_gone_is_not_served() -> None:
    assert await ask(GONE, headers={b"content-type": FORM}) is None


@pytest.mark.parametrize("cut", [True, False])
async def test_a_body_that_is_too_large(cut: bool) -> None:
    half = bytes(CODE_REQUEST // 2 + 1)
    messages = [part(half, more=True), part(half)] if cut else [part(half + half)]
    answer = await ask(
        *messages,
        path="/2015-03-31/functions/f/invocations",
        headers=credential("test", "lambda"),
    )
    assert answer is not None
    assert answer[0] == 413
    assert b"bytes for the InvokeFunction operation" in answer[1]
