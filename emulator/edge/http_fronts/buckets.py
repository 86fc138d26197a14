"""Buckets for browsers: requests of pages elsewhere (CORS), uploads by forms, websites.

Each becomes a request that the AWS handler answers; this decides who may send it and how the answer
looks. A page of another origin may do what the bucket's CORS configuration lets it do.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from emulator.edge import page_access
from emulator.edge.aws_handler import AwsHandler, texts_of
from emulator.edge.guard import Guard
from emulator.edge.router import (
    ADMIN_PATHS,
    Headers,
    Message,
    Receive,
    Scope,
    Send,
    answer,
    refuse,
)
from emulator.model.errors import AwsError
from emulator.model.ids import new_request_id
from emulator.services.table import Table

if TYPE_CHECKING:
    from emulator.services.s3.rows import Bucket, StoredObject
    from emulator.services.s3.state import S3

_SITE = re.compile(
    r"(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\.s3-website(?:[.-][a-z]{2}(?:-[a-z]+)+-\d)?\."
    r"(?:localhost|localhost\.localstack\.cloud)(?::\d+)?"
)
_NOT_ALLOWED = (
    "CORSResponse: This CORS request is not allowed. This is usually because the evalution of"
    " Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are"
    " not whitelisted by the resource's CORS spec."
)
_NOT_ENABLED = "CORSResponse: CORS is not enabled for this bucket."
#: Headers of an answer that speak of its body.
_OF_BODY = frozenset({b"content-length", b"content-type"})
Rules = list[Mapping[str, Any]]


class BucketFront:
    """Serves what browsers ask of buckets.

    Args:
        table: The services.
        aws: Answers the requests in the end.
        guard: Decides where no bucket allows an origin.
    """

    def __init__(self, table: Table, aws: AwsHandler, guard: Guard) -> None:
        self._table = table
        self._aws = aws
        self._guard = guard

    def claims(self, scope: Scope, headers: Headers) -> bool:
        """Say whether a request may be one that browsers send to buckets."""
        if scope["type"] != "http" or str(scope["path"]).startswith(ADMIN_PATHS):
            return False
        if b"origin" in headers or b".s3-website" in headers.get(b"host", b""):
            return True
        return _is_form(scope, headers)

    async def __call__(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        site = _SITE.fullmatch(headers.get(b"host", b"").decode("latin-1").lower())
        state, bucket, path = await self._find(scope, headers, site["bucket"] if site else "")
        rules = await _rules(state, bucket) if state is not None and bucket is not None else []
        origin = headers.get(b"origin", b"").decode("latin-1")
        asked = headers.get(b"access-control-request-method", b"").decode("latin-1")
        if scope["method"] == "OPTIONS" and origin and bucket is not None:
            await self._preflight(rules, origin, asked, headers, path, send)
            return
        allowance = None
        if origin and rules:
            from emulator.services.s3 import cors

            allowance = cors.allow(rules, origin, scope["method"])
            if allowance is not None:
                send = _adding(send, cors.headers_of(allowance))
        if allowance is None and (origin or site is None):
            query = scope["query_string"]
            refusal = self._guard.refuse(headers, method=scope["method"], query=query)
            if refusal is not None:
                await refuse(scope, send, refusal)
                return
            if bucket is None:  # a request of another service: no bucket has a say
                shared = await page_access.share(self._guard, scope, headers, send)
                if shared is None:
                    return
                send = shared
        if site is not None:
            await self._website(state, bucket, site["bucket"], scope, headers, receive, send)
        elif bucket is not None and _is_form(scope, headers):
            await self._form(bucket, path, scope, headers, receive, send)
        else:
            await self._aws(scope, headers, receive, send)

    async def _find(
        self, scope: Scope, headers: Headers, named: str
    ) -> tuple[S3 | None, Bucket | None, str]:
        """Return S3, the bucket that a request is for, and its path with the bucket in front."""
        path: str = scope["raw_path"].decode("latin-1")
        if not named:
            signed_for = self._aws.caller(headers, scope["query_string"])[2]
            if signed_for in self._table.identify.by_host:
                path, signed_for = await self._table.locate(texts_of(headers), path, signed_for)
            if signed_for != "s3":
                return None, None, path
            named = unquote(path[1:].partition("/")[0])
        state: S3 = await self._table.state("s3")
        return state, state.find_bucket(named), path

    # --- CORS ----------------------------------------------------------------------------------

    async def _preflight(
        self, rules: Rules, origin: str, asked: str, headers: Headers, path: str, send: Send
    ) -> None:
        """Answer a browser that asks what it may send."""
        from emulator.services.s3 import cors

        if not asked:
            text = "Invalid Access-Control-Request-Method: null"
            await self._refuse(send, AwsError("BadRequest", text, status=400))
            return
        wanted = headers.get(b"access-control-request-headers", b"").decode("latin-1")
        allowance = cors.allow(rules, origin, asked, wanted)
        if allowance is not None:
            await answer(send, 200, cors.headers_of(allowance), b"")
            return
        is_object = "/" in path[1:].rstrip("/")
        error = AwsError(
            "AccessForbidden",
            _NOT_ALLOWED if rules else _NOT_ENABLED,
            status=403,
            Method=asked,
            ResourceType="OBJECT" if is_object else "BUCKET",
        )
        await self._refuse(send, error)

    async def _refuse(self, send: Send, error: AwsError) -> None:
        status, headers, body = self._table.find("s3").codec().error(error, new_request_id())
        await answer(send, status, headers, body)

    # --- forms ---------------------------------------------------------------------------------

    async def _form(
        self,
        bucket: Bucket,
        path: str,
        scope: Scope,
        headers: Headers,
        receive: Receive,
        send: Send,
    ) -> None:
        """Put the file of a form."""
        from emulator.edge.http_fronts.forms import Form
        from emulator.services.s3 import forms

        try:
            if path.strip("/") != bucket.name:
                text = "The specified method is not allowed against this resource."
                raise AwsError("MethodNotAllowed", text, status=405, Method="POST")
            form = Form(headers[b"content-type"], receive)
            await form.read_fields()
            if not form.has_file:
                text = "POST requires exactly one file upload per request."
                raise AwsError("IncorrectNumberOfFilesInPostRequest", text, status=400)
            key = forms.key_of(form.fields)
            now = self._table.parts.clock.now()
            least, most = forms.check_policy(bucket.name, {**form.fields, "key": key}, now)
            given = forms.headers_of(form.fields)
        except AwsError as error:
            await self._refuse(send, error)
            return
        host = headers.get(b"host", b"localhost").decode("latin-1")
        base = f"{scope['scheme']}://{host}{scope['raw_path'].decode('latin-1').rstrip('/')}"
        shown = forms.Answer(bucket.name, key, f"{base}/{quote(key)}", form.fields)
        put = {**scope, "method": "PUT", "query_string": b"", "path": f"/{bucket.name}/{key}"}
        put["raw_path"] = f"/{bucket.name}/{quote(key)}".encode()
        inner = {name.encode(): value.encode("utf-8") for name, value in given.items()}
        inner[b"host"] = b"localhost"
        await self._aws(put, inner, _file(form.file(), least, most), _shown(send, shown.of))

    # --- websites ------------------------------------------------------------------------------

    async def _website(
        self,
        state: S3 | None,
        bucket: Bucket | None,
        name: str,
        scope: Scope,
        headers: Headers,
        receive: Receive,
        send: Send,
    ) -> None:
        """Answer a request to a bucket's website."""
        from emulator.services.s3 import rows, website

        kept = None
        if state is not None and bucket is not None:
            kept = await state.database.read(lambda c: rows.document(c, name, website.KIND))
        if scope["method"] not in ("GET", "HEAD"):
            text = "The specified method is not allowed against this resource."
            await _page(send, 405, "MethodNotAllowed", text, Method=scope["method"])
        elif bucket is None:
            text = "The specified bucket does not exist"
            await _page(send, 404, "NoSuchBucket", text, BucketName=name)
        elif kept is None:
            text = "The specified bucket does not have a website configuration"
            await _page(send, 404, "NoSuchWebsiteConfiguration", text, BucketName=name)
        else:
            assert state is not None
            database = state.database

            async def find(key: str) -> StoredObject | None:
                found = await database.read(lambda c: rows.find(c, name, key))
                return None if found is None or found.is_delete_marker else found

            key = unquote(scope["raw_path"].decode("latin-1")[1:])
            base = f"{scope['scheme']}://{headers[b'host'].decode('latin-1')}"
            page = await website.page_of(kept, key, base, find)
            if page.location:
                location = [(b"location", page.location.encode("latin-1", "replace"))]
                await answer(send, page.status, location, b"")
            elif page.found is None:
                await _page(send, page.status, page.code, page.message, Key=key)
            else:
                got = {**scope, "query_string": b"", "path": f"/{name}/{page.found.key}"}
                got["raw_path"] = f"/{name}/{quote(page.found.key)}".encode()
                inner = {k: v for k, v in headers.items() if k != b"authorization"}
                inner[b"host"] = b"localhost"
                if page.status != 200:
                    send = _with_status(send, page.status)
                await self._aws(got, inner, receive, send)


def _is_form(scope: Scope, headers: Headers) -> bool:
    kind = headers.get(b"content-type", b"")
    return scope["method"] == "POST" and kind.lower().startswith(b"multipart/form-data")


async def _rules(state: S3, bucket: Bucket) -> Rules:
    from emulator.services.s3 import cors, rows

    kept = await state.database.read(lambda c: rows.document(c, bucket.name, cors.KIND))
    return list((kept or {}).get("CORSRules") or ())


def _file(pieces: AsyncIterator[bytes], least: int, most: int) -> Receive:
    """Return a form's file as the body of a request; it raises where its size is not allowed."""
    size, begun = 0, False

    async def receive() -> Message:
        nonlocal size, begun
        if not begun:
            # What is wrong with the file is an error of the operation that reads it.
            begun = True
            return {"type": "http.request", "body": b"", "more_body": True}
        piece = await anext(pieces, None)
        size += len(piece or b"")
        if size > most:
            raise _wrong_size("EntityTooLarge", "exceeds the maximum", size, MaxSizeAllowed=most)
        if piece is None and size < least:
            text = "is smaller than the minimum"
            raise _wrong_size("EntityTooSmall", text, size, MinSizeAllowed=least)
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    return receive


def _wrong_size(code: str, how: str, size: int, **limits: int) -> AwsError:
    text = f"Your proposed upload {how} allowed size"
    return AwsError(code, text, status=400, ProposedSize=size, **limits)


def _adding(send: Send, more: list[tuple[bytes, bytes]]) -> Send:
    """Return a ``send`` that adds headers."""
    return _changing(send, lambda message: {**message, "headers": [*message["headers"], *more]})


def _changing(send: Send, change: Callable[[Message], Message]) -> Send:
    """Return a ``send`` that changes the head of an answer."""

    async def sending(message: Message) -> None:
        is_head = message["type"] == "http.response.start"
        await send(change(message) if is_head else message)

    return sending


def _with_status(send: Send, status: int) -> Send:
    """Return a ``send`` that answers a success with another status."""
    return _changing(
        send,
        lambda message: {**message, "status": status} if message["status"] == 200 else message,
    )


def _shown(send: Send, show: Callable[[str], tuple[int, dict[str, str], bytes]]) -> Send:
    """Return a ``send`` that answers the success of a PutObject as forms are answered."""
    body: bytes | None = None

    async def sending(message: Message) -> None:
        nonlocal body
        if message["type"] == "http.response.start" and message["status"] == 200:
            kept = [each for each in message["headers"] if each[0] not in _OF_BODY]
            etag = dict(kept).get(b"etag", b"").decode("latin-1")
            status, more, body = show(etag)
            added = {**more, "content-length": str(len(body))} if status != 204 else more
            headers = kept + [
                (k.encode(), v.encode("latin-1", "replace")) for k, v in added.items()
            ]
            await send({**message, "status": status, "headers": headers})
        elif body is not None and message["type"] == "http.response.body":
            await send({"type": "http.response.body", "body": body})
        else:
            await send(message)

    return sending


async def _page(send: Send, status: int, code: str, message: str, **fields: str) -> None:
    """Answer with a page that says what is wrong."""
    from emulator.services.s3 import website

    body = website.error_page(status, code, message, **fields)
    headers = [(b"content-type", b"text/html; charset=utf-8"), (b"x-amz-error-code", code.encode())]
    await answer(send, status, headers, body)
