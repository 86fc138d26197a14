"""The AWS door: which service, operation, account and region a request means; then the answer."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any
from urllib.parse import unquote_to_bytes

import orjson

from emulator import wire as codec
from emulator.edge.router import Headers, Receive, Scope, Send, answer, read_body
from emulator.model.errors import AwsError, DriverFault, StorageError
from emulator.model.ids import new_request_id
from emulator.model.limits import CODE_REQUEST
from emulator.services.context import Context, Parts
from emulator.services.identify import identify
from emulator.services.table import SERVED, NotServed, Service, not_served
from emulator.wire import eventstream

_log = logging.getLogger(__name__)

#: The paths of the Lambda API begin with the date of their version.
_REST_PATH = re.compile(r"/20\d\d-\d\d-\d\d/")
#: The path of a queue's URL, to which the query protocol sends what is meant for that queue.
_QUEUE_PATH = re.compile(r"/(?:queue/[a-z0-9-]{1,32}/)?\d{12}/[A-Za-z0-9_-]{1,80}(?:\.fifo)?/?")
_CREDENTIAL = re.compile(
    rb"Credential=(?P<key>[^/,\s]{1,128})/\d{8}/(?P<region>[a-z0-9-]{1,32})/"
    rb"(?P<service>[a-z0-9-]{1,64})/"
)
_ACCOUNT = re.compile(r"\d{12}")
#: Callers remembered by their credential scope.
_REMEMBERED = 1024


class AwsDoor:
    """Answers AWS requests in AWS's own protocols.

    Args:
        account: The account of callers whose access key is no account id.
        region: The region of callers that name none.
    """

    def __init__(self, parts: Parts, *, account: str, region: str) -> None:
        self._parts = parts
        self._account = account
        self._region = region
        self._served = {key: Service(*key) for key in SERVED}
        self._lambda = self._served["lambda", "rest-json"]
        # The service everybody comes for is loaded before the first of them does.
        _ = self._lambda.codec, self._lambda.operations
        self._callers: dict[bytes, tuple[str, str, str]] = {}

    async def __call__(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        request_id = new_request_id()
        authorization = headers.get(b"authorization", b"")
        if not authorization and b"X-Amz-Credential=" in scope["query_string"]:
            authorization = unquote_to_bytes(scope["query_string"])
        caller = self._caller(authorization)
        body = await read_body(receive, CODE_REQUEST)
        texts = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()}
        query: str = scope["query_string"].decode("latin-1")
        service = self._lambda
        events: AsyncGenerator[dict[str, Any], None] | None = None
        try:
            service, name = self._service(scope, texts, query, body or b"", caller[2])
            if name:
                params: Mapping[str, str] = {}
                operation = service.codec.operation(name)
            else:
                raw_path = scope["raw_path"].decode("latin-1")
                operation, params = service.codec.match(scope["method"], raw_path, query)
            if body is None:
                raise AwsError(
                    "RequestEntityTooLargeException",
                    f"Request must be smaller than {CODE_REQUEST} bytes for the "
                    f"{_operation_in_text(operation)} operation",
                    status=413,
                )
            request = service.codec.parse(
                operation, params=params, query=query, headers=texts, body=body
            )
            if name and service.protocol == "query" and "QueueUrl" not in request:
                _name_queue(request, scope, texts)
            service.codec.validate(operation, request)
            handler = service.operations.get(operation.name)
            if handler is None:
                raise service.unsupported(operation.name)
            context = Context(
                account=caller[0],
                region=caller[1],
                request_id=request_id,
                endpoint=f"{scope['scheme']}://{texts.get('host', 'localhost')}",
                parts=self._parts,
                operation=operation.name,
                trace_id=texts.get("x-amzn-trace-id", ""),
                user_agent=texts.get("user-agent", ""),
            )
            result = await handler(context, request)
            if operation.name == "InvokeWithResponseStream":
                events = result.pop("EventStream", None)
            status, answers, payload = service.codec.serialise(operation, result, request_id)
            if operation.name in ("Invoke", "InvokeWithResponseStream"):
                trace_id: str = result["TraceId"]
                answers.append((b"x-amzn-trace-id", trace_id.encode("latin-1", "replace")))
        except NotServed as error:
            status, answers, payload = error.response(request_id)
        except AwsError as error:
            status, answers, payload = service.codec.error(error, request_id)
        except DriverFault as fault:
            lost = AwsError("ServiceException", str(fault), status=500)
            status, answers, payload = service.codec.error(lost, request_id)
        except StorageError as failure:
            unkept = AwsError("ServiceException", f"It was not kept: {failure}", status=500)
            status, answers, payload = service.codec.error(unkept, request_id)
        except Exception:  # noqa: BLE001 a bug of ours: told to us in full, to the caller in AWS's shape
            _log.exception("request %s failed", request_id)
            bug = AwsError("ServiceException", "localfaas failed; its log says why.", status=500)
            status, answers, payload = service.codec.error(bug, request_id)
        if events is not None:
            await _stream(send, status, answers, events)
        else:
            await answer(send, status, answers, payload)

    async def call(
        self, name: str, operation_name: str, request: Mapping[str, Any], **params: str
    ) -> dict[str, Any]:
        """Do an operation that a template asks for as if a client had: parsed, checked, done.

        Args:
            name: The service, "lambda" or "sqs".
            request: What a client would send as JSON.
            params: What it would send in the path.

        Raises:
            AwsError: As the client would be told.
        """
        service = self._served[name, "rest-json" if name == "lambda" else "json"]
        operation = service.codec.operation(operation_name)
        body = orjson.dumps(request)
        parsed = service.codec.parse(operation, params=params, query="", headers={}, body=body)
        service.codec.validate(operation, parsed)
        context = Context(
            account=self._account,
            region=self._region,
            request_id=new_request_id(),
            endpoint="http://localhost",
            parts=self._parts,
            operation=operation_name,
        )
        return await service.operations[operation_name](context, parsed)

    def _service(
        self, scope: Scope, headers: dict[str, str], query: str, body: bytes, signed_for: str
    ) -> tuple[Service, str]:
        """Return which service a request means, and the operation where the request names it.

        Raises:
            AwsError: It means none at all.
            NotServed: It means another one.
        """
        path: str = scope["raw_path"].decode("latin-1")
        if signed_for == "lambda" or (not signed_for and _REST_PATH.match(path)):
            return self._lambda, ""
        default = "sqs" if _QUEUE_PATH.fullmatch(path) else None
        target = identify(headers, query, body, default)
        if target is not None and target[:2] in self._served:
            return self._served[target[:2]], target.operation
        if target is None and not signed_for and "x-amz-target" not in headers:
            raise AwsError(
                "UnknownOperationException",
                f"No operation answers {scope['method']} {path}.",
                status=404,
            )
        raise not_served(headers, query, body, signed_for or (target.service if target else ""))

    def _caller(self, authorization: bytes) -> tuple[str, str, str]:
        """Return account, region and service of the caller's signature (which is not checked)."""
        known = self._callers.get(authorization[:200])
        if known is None:
            match = _CREDENTIAL.search(authorization)
            if match is None:
                known = (self._account, self._region, "")
            else:
                key = match["key"].decode("latin-1")
                account = key if _ACCOUNT.fullmatch(key) else self._account
                known = (account, match["region"].decode(), match["service"].decode())
            if len(self._callers) < _REMEMBERED:
                self._callers[authorization[:200]] = known
        return known


def _name_queue(request: dict[str, Any], scope: Scope, headers: Mapping[str, str]) -> None:
    """Take the queue a query request is for from where it was sent, as SQS does."""
    path = scope["raw_path"].decode("latin-1")
    if _QUEUE_PATH.fullmatch(path):
        request["QueueUrl"] = f"{scope['scheme']}://{headers.get('host', 'localhost')}{path}"


async def _stream(
    send: Send,
    status: int,
    headers: list[tuple[bytes, bytes]],
    events: AsyncGenerator[dict[str, Any], None],
) -> None:
    """Send the events of InvokeWithResponseStream as they come.

    ``send`` waits while the client is slow and does nothing once it is gone: the response is
    then read to its end for nobody.
    """
    await send({"type": "http.response.start", "status": status, "headers": headers})
    async with aclosing(events):
        try:
            async for event in events:
                await send(
                    {"type": "http.response.body", "body": _encoded(event), "more_body": True}
                )
        except AwsError as error:
            message = eventstream.exception(error.code, error.message)
            await send({"type": "http.response.body", "body": message, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _encoded(event: dict[str, Any]) -> bytes:
    if "PayloadChunk" in event:
        return eventstream.payload_chunk(event["PayloadChunk"]["Payload"])
    complete = event["InvokeComplete"]
    return eventstream.invoke_complete(
        error_code=complete.get("ErrorCode"),
        error_details=complete.get("ErrorDetails"),
        log_result=complete.get("LogResult"),
    )


def _operation_in_text(operation: codec.Operation) -> str:
    """Return the name AWS's texts have for an operation."""
    return "InvokeFunction" if operation.name == "Invoke" else operation.name
