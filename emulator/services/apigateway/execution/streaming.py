"""Responses that are passed on as they come (``responseTransferMode`` STREAM).

A function writes a prelude (JSON with status and headers), eight zero bytes, and then the body.
https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode.html
"""

from __future__ import annotations

import orjson

from emulator.invoke.function_invoker import PreparedInvocation
from emulator.invoke.http_client import HttpFailure, HttpStream, stream
from emulator.invoke.streaming import StreamedInvocation
from emulator.model.errors import AwsError
from emulator.services.apigateway.execution import backend, payload, remapping
from emulator.services.apigateway.execution.call import Answer, MethodCall, Pairs, internal

DELIMITER = b"\0" * 8
#: Seconds between two parts of a body, at most, as at regional endpoints.
_SILENCE_S = 300.0
#: The most bytes of a prelude.
LONGEST_PRELUDE = 64 * 1024


async def begin(call: MethodCall, prepared: PreparedInvocation) -> Answer:
    """Return the head of a function's response, and the rest as it comes.

    Raises:
        GatewayFailure: The function failed before it had one, or it is none.
    """
    streamed = call.parts.functions.stream(prepared)
    try:
        await streamed.begin()
        if not streamed.streams:
            # The function does not stream: its answer is read as a buffered one.
            result = await streamed.result()
            streamed.close()
            if result.function_error:
                raise internal("INTEGRATION_FAILURE", status=502)
            return _buffered(call, result.payload)
        data = b""
        while DELIMITER not in data:
            chunk = await streamed.chunk()
            if chunk is None or len(data) > LONGEST_PRELUDE:
                raise internal("INTEGRATION_FAILURE", status=502)
            data += chunk
    except AwsError as error:
        streamed.close()
        raise backend.of_lambda(call, error) from error
    except BaseException:
        streamed.close()
        raise
    head, _, rest = data.partition(DELIMITER)
    try:
        answer = _head(head)
    except payload.Malformed as error:
        streamed.close()
        raise internal("INTEGRATION_FAILURE", status=502) from error
    answer.body, answer.stream = rest, _OfFunction(streamed)
    answer.headers.append(("X-Amzn-Trace-Id", call.trace_id))
    return answer


def _head(text: bytes) -> Answer:
    """Return status and headers of a prelude.

    Raises:
        Malformed: It is none.
    """
    try:
        said = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise payload.Malformed("the prelude is no JSON") from error
    if not isinstance(said, dict):
        raise payload.Malformed("the prelude is no object")
    headers = payload.headers_of(said)
    cookies = said.get("cookies") or []
    if isinstance(cookies, list):
        headers += [("Set-Cookie", str(each)) for each in cookies]
    if all(name.lower() != "content-type" for name, _ in headers):
        headers.append(("Content-Type", "application/json"))
    status = payload.status_of(said.get("statusCode", 200))
    return Answer(status=status, headers=remapping.of_response(headers))


def _buffered(call: MethodCall, text: bytes) -> Answer:
    try:
        answer = payload.answer_of(text, wants_binary=True)
    except payload.Malformed as error:
        raise internal("INTEGRATION_FAILURE", status=502) from error
    answer.headers = remapping.of_response(answer.headers)
    if all(name.lower() != "content-type" for name, _ in answer.headers):
        answer.headers.append(("Content-Type", "application/json"))
    answer.headers.append(("X-Amzn-Trace-Id", call.trace_id))
    return answer


async def begin_http(call: MethodCall, method: str, url: str, headers: Pairs) -> Answer:
    """Return the head of what an HTTP endpoint answers, and the rest as it comes.

    Raises:
        GatewayFailure: It does not answer.
    """
    seconds = float(call.integration.get("timeoutInMillis", 29_000)) / 1000
    try:
        streamed = await stream(
            method, url, headers, call.body, timeout_s=seconds, idle_s=_SILENCE_S
        )
    except HttpFailure as error:
        raise backend.unreachable(call, error) from error
    call.integration_status = streamed.status
    head = remapping.of_response(streamed.headers)
    return Answer(status=streamed.status, headers=head, stream=_OfEndpoint(streamed))


class _OfFunction:
    """What a function writes."""

    def __init__(self, streamed: StreamedInvocation) -> None:
        self._streamed = streamed
        self.chunk = streamed.chunk
        self.close = streamed.close

    async def is_whole(self) -> bool:
        """See :class:`BodyStream`."""
        return not (await self._streamed.result()).function_error


class _OfEndpoint:
    """What an HTTP endpoint writes."""

    def __init__(self, streamed: HttpStream) -> None:
        self._streamed = streamed
        self._is_whole = True
        self.close = streamed.close

    async def chunk(self) -> bytes | None:
        """See :class:`BodyStream`."""
        try:
            return await self._streamed.chunk()
        except HttpFailure:
            self._is_whole = False
            return None

    async def is_whole(self) -> bool:
        """See :class:`BodyStream`."""
        return self._is_whole
