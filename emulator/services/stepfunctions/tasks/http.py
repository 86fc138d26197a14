"""HTTP tasks, and calls of APIs of API Gateway.

https://docs.aws.amazon.com/step-functions/latest/dg/call-https-apis.html
https://docs.aws.amazon.com/step-functions/latest/dg/connect-api-gateway.html
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit
from wsgiref.handlers import format_date_time

from emulator.invoke.http_client import HttpAnswer, HttpFailure, fetch
from emulator.model.errors import LocalfaasError
from emulator.services.stepfunctions.engine.events import pack
from emulator.services.stepfunctions.tasks.base import Task, TaskFailure
from emulator.workflows.errors import HTTP_SOCKET

#: Seconds that an endpoint has to answer.
_PATIENCE_S = 60.0
_FORM = "application/x-www-form-urlencoded"
#: What says of a token that it is none any more.
_UNAUTHORIZED = (401, 407)
#: How arrays are written in a form, by ``ArrayFormat``: the suffix of the name.
_SUFFIX = {"BRACKETS": "[]", "REPEAT": ""}
Headers = list[tuple[str, str]]


async def invoke(task: Task) -> Any:
    """Do ``http:invoke``: a request authorised by a connection of EventBridge.

    Raises:
        TaskFailure: The endpoint did not answer, or with a status of an error.
    """
    arguments = _arguments(task)
    method, url = (_required(arguments, name) for name in ("Method", "ApiEndpoint"))
    connected = await _connection(task, arguments)
    extra = connected.secret.get("invocation_http_parameters") or {}
    headers: dict[str, str] = {"User-Agent": "Amazon|StepFunctions|HttpInvoke|" + task.region}
    secret_headers = _pairs(extra.get("header_parameters")) | connected.authorization
    # The connection has the last word.
    for name, value in [
        *((name, ", ".join(v)) for name, v in _texts(arguments.get("Headers")).items()),
        *secret_headers.items(),
    ]:
        headers = {key: each for key, each in headers.items() if key.lower() != name.lower()}
        headers[name] = value
    secret_query = _pairs(extra.get("query_string_parameters"))
    query = [
        each for each in _query(arguments.get("QueryParameters")) if each[0] not in secret_query
    ]
    query += secret_query.items()
    secret_body = _pairs(extra.get("body_parameters"))
    body, kind = _body(arguments, secret_body, headers)
    if body:
        headers.setdefault("Content-Type", kind)
    url = _with_query(url, query)
    if task.exchange is not None:
        hidden = {*secret_headers.values(), *secret_query.values(), *secret_body.values()}
        task.exchange.sent(method, url, headers, body, hidden)
    answer = await _fetch(method, url, headers, body)
    if task.exchange is not None:
        task.exchange.received(url, answer)
    if answer.status in _UNAUTHORIZED and connected.forget_token is not None:
        # The next attempt fetches a new one.
        connected.forget_token()
    return _result(answer, "States.Http.StatusCode.{}")


def _required(arguments: Mapping[str, Any], name: str) -> str:
    value = arguments.get(name)
    if not isinstance(value, str) or not value:
        raise TaskFailure("States.Runtime", f"The field '{name}' is required, and must be a string")
    return value


async def invoke_api(task: Task) -> Any:
    """Do ``apigateway:invoke``: call a stage of an API.

    Raises:
        TaskFailure: The API did not answer, or with a status of an error.
    """
    arguments = _arguments(task)
    host = _required(arguments, "ApiEndpoint")
    if "://" not in host:
        scheme = "http" if "localhost" in host or "amazonaws.com" in host else "https"
        host = f"{scheme}://{host}"
    parts = urlsplit(host)
    own = urlsplit(task.parts.table.endpoint)
    netloc = parts.netloc
    if netloc.endswith(".amazonaws.com"):
        # APIs here are told apart by the first name of the host.
        netloc = f"{netloc.partition('.')[0]}.execute-api.localhost:{own.port}"
    path = [str(arguments.get(name) or "").strip("/") for name in ("Stage", "Path")]
    url = f"{parts.scheme}://{netloc}{parts.path.rstrip('/')}/" + "/".join(
        quote(each, safe="/-._~%") for each in path if each
    )
    headers = {name: ", ".join(v) for name, v in _texts(arguments.get("Headers")).items()}
    content = arguments.get("RequestBody")
    body = b"" if content is None else pack(content)
    if body:
        headers.setdefault("Content-Type", "application/json")
    url = _with_query(url, _query(arguments.get("QueryParameters")))
    method = _required(arguments, "Method")
    if arguments.get("AuthType") == "IAM_ROLE":
        headers |= await asyncio.to_thread(_signed, task, method, url, headers, body)
    try:
        answer = await fetch(method, url, headers.items(), body, timeout_s=_PATIENCE_S)
    except HttpFailure as error:
        cause = f"Unable to execute HTTP request: {error}"
        raise TaskFailure("ApiGateway.SdkClientException", cause) from error
    result = _result(answer, "ApiGateway.{}")
    shown = {_shown_name(name): values for name, values in result["Headers"].items()}
    shown.setdefault("Date", [format_date_time(task.parts.clock.now())])
    return {**result, "Headers": {**shown, "Connection": ["keep-alive"]}}


#: How headers of API Gateway are written where it is not a capital after each hyphen (recorded).
_WRITTEN = {"x-amzn-requestid": "x-amzn-RequestId", "x-amz-apigw-id": "x-amz-apigw-id"}


def _shown_name(name: str) -> str:
    return _WRITTEN.get(name, name.title())


def _signed(
    task: Task, method: str, url: str, headers: Mapping[str, str], body: bytes
) -> dict[str, str]:
    """Return the headers that sign a request for the task's account."""
    from botocore.auth import SigV4Auth  # few tasks sign
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    request = AWSRequest(method=method, url=url, data=body)
    SigV4Auth(Credentials(task.account, "test"), "execute-api", task.region).add_auth(request)
    own = ("Authorization", "X-Amz-Date", "X-Amz-Content-SHA256")
    return {name: value for name, value in request.headers.items() if name in own}


def _arguments(task: Task) -> Mapping[str, Any]:
    return task.arguments if isinstance(task.arguments, Mapping) else {}


class Connected(NamedTuple):
    """What a connection gives to a request."""

    secret: Mapping[str, Any]
    authorization: dict[str, str]
    #: Has a new token fetched the next time; None: it has none.
    forget_token: Callable[[], None] | None = None


async def _connection(task: Task, arguments: Mapping[str, Any]) -> Connected:
    """Return what authorises a request.

    Raises:
        TaskFailure: There is no such connection, or it is not authorised.
    """
    given = arguments.get("Authentication") or arguments.get("InvocationConfig") or {}
    arn = str(given.get("ConnectionArn") or "")
    try:
        events = await task.parts.table.state("events")
        connection = events.connection(arn)
        if connection is None:
            raise TaskFailure("Events.ResourceNotFoundException", f"There is no connection {arn}")
        if connection["state"] == "DEAUTHORIZED":
            cause = f"The connection {arn} is not authorized"
            raise TaskFailure("Events.ConnectionResource.InvalidConnectionState", cause)
        secret: dict[str, Any] = await events.authorizer.secret_of(connection)
        if connection["type"] == "BASIC":
            known = f"{secret['username']}:{secret['password']}".encode()
            basic = f"Basic {base64.b64encode(known).decode()}"
            return Connected(secret, {"Authorization": basic})
        if connection["type"] == "API_KEY":
            return Connected(secret, {secret["api_key_name"]: secret["api_key_value"]})
        token = await events.authorizer.token(connection, secret)
        forget = partial(events.authorizer.drop_token, connection)
        return Connected(secret, {"Authorization": token}, forget)
    except TaskFailure:
        raise
    except LocalfaasError as error:
        raise TaskFailure("Events.ConnectionResource.InvalidConnectionState", str(error)) from error


def _pairs(parameters: Any) -> dict[str, str]:
    return {each["key"]: each["value"] for each in parameters or [] if each.get("key")}


def _texts(given: Any) -> dict[str, list[str]]:
    if not isinstance(given, Mapping):
        return {}
    return {
        str(name): [_text(each) for each in (value if isinstance(value, list) else [value])]
        for name, value in given.items()
        if value is not None
    }


def _text(value: Any) -> str:
    return value if isinstance(value, str) else pack(value).decode()


def _query(given: Any) -> list[tuple[str, str]]:
    return [(name, each) for name, values in _texts(given).items() for each in values]


def _with_query(url: str, query: list[tuple[str, str]]) -> str:
    if not query:
        return url
    return url + ("&" if "?" in url else "?") + urlencode(query)


def _body(
    arguments: Mapping[str, Any], extra: Mapping[str, str], headers: Mapping[str, str]
) -> tuple[bytes, str]:
    """Return a request's body and its content type."""
    content = arguments.get("RequestBody")
    if extra:
        content = {**(content if isinstance(content, Mapping) else {}), **extra}
    if content is None:
        return b"", ""
    transform = arguments.get("Transform") or {}
    declared = {name.lower(): value for name, value in headers.items()}.get("content-type", "")
    encodes = transform.get("RequestBodyEncoding") == "URL_ENCODED" or _FORM in declared
    if encodes and isinstance(content, Mapping):
        options = transform.get("RequestEncodingOptions") or {}
        return _form(content, str(options.get("ArrayFormat") or "INDICES")).encode(), _FORM
    if isinstance(content, str) and declared and "json" not in declared:
        return content.encode(), declared
    return pack(content), "application/json"


def _form(content: Mapping[str, Any], style: str) -> str:
    pairs: list[tuple[str, str]] = []

    def add(name: str, value: Any) -> None:
        if isinstance(value, Mapping):
            for key, item in value.items():
                add(f"{name}[{key}]" if name else str(key), item)
        elif isinstance(value, list) and style == "COMMAS":
            pairs.append((name, ",".join(_text(each) for each in value)))
        elif isinstance(value, list):
            for index, item in enumerate(value):
                add(name + _SUFFIX.get(style, f"[{index}]"), item)
        elif value is not None:
            pairs.append((name, _text(value)))

    add("", content)
    return urlencode(pairs)


async def _fetch(method: str, url: str, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
    try:
        return await fetch(method, url, headers.items(), body, timeout_s=_PATIENCE_S)
    except HttpFailure as error:
        raise TaskFailure(HTTP_SOCKET, str(error)) from error


def _result(answer: HttpAnswer, error: str) -> dict[str, Any]:
    """Return an answer as a task's result.

    Raises:
        TaskFailure: Its status is that of an error.
    """
    kind = dict(answer.headers).get("content-type", "")
    text = answer.body.decode("utf-8", "replace")
    if not 200 <= answer.status < 300:
        raise TaskFailure(error.format(answer.status), text)
    content: Any = text
    if "json" in kind and text:
        try:
            content = json.loads(text)
        except ValueError:
            content = text
    headers: dict[str, list[str]] = {}
    for name, value in answer.headers:
        headers.setdefault(name, []).append(value)
    try:
        phrase = HTTPStatus(answer.status).phrase
    except ValueError:
        phrase = ""
    return {
        "Headers": headers,
        "ResponseBody": content,
        "StatusCode": answer.status,
        "StatusText": phrase,
    }
