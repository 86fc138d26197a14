"""HTTP tasks, and calls of APIs of API Gateway.

https://docs.aws.amazon.com/step-functions/latest/dg/call-https-apis.html
https://docs.aws.amazon.com/step-functions/latest/dg/connect-api-gateway.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
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
#: How arrays are written in a form, by ``ArrayFormat``: the suffix of the name.
_SUFFIX = {"BRACKETS": "[]", "REPEAT": ""}
Headers = list[tuple[str, str]]


async def invoke(task: Task) -> Any:
    """Do ``http:invoke``: a request authorised by a connection of EventBridge.

    Raises:
        TaskFailure: The endpoint did not answer, or with a status of an error.
    """
    arguments = _arguments(task)
    secret, authorization = await _connection(task, arguments)
    extra = secret.get("invocation_http_parameters") or {}
    headers: dict[str, str] = {"User-Agent": "Amazon|StepFunctions|HttpInvoke|" + task.region}
    headers |= {name: ", ".join(v) for name, v in _texts(arguments.get("Headers")).items()}
    headers |= _pairs(extra.get("header_parameters")) | authorization
    query = [*_query(arguments.get("QueryParameters"))]
    query += _pairs(extra.get("query_string_parameters")).items()
    method = str(arguments.get("Method") or "GET")
    body, kind = _body(arguments, _pairs(extra.get("body_parameters")), headers)
    if body:
        headers.setdefault("Content-Type", kind)
    answer = await _fetch(method, _with_query(str(arguments["ApiEndpoint"]), query), headers, body)
    return _result(answer, "States.Http.StatusCode.{}")


async def invoke_api(task: Task) -> Any:
    """Do ``apigateway:invoke``: call a stage of an API.

    Raises:
        TaskFailure: The API did not answer, or with a status of an error.
    """
    arguments = _arguments(task)
    host = str(arguments.get("ApiEndpoint") or "")
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
    query = _query(arguments.get("QueryParameters"))
    answer = await _fetch(
        str(arguments.get("Method") or "GET"), _with_query(url, query), headers, body
    )
    result = _result(answer, "ApiGateway.{}")
    shown = {_shown_name(name): values for name, values in result["Headers"].items()}
    shown.setdefault("Date", [format_date_time(task.parts.clock.now())])
    return {**result, "Headers": {**shown, "Connection": ["keep-alive"]}}


#: How headers of API Gateway are written where it is not a capital after each hyphen (recorded).
_WRITTEN = {"x-amzn-requestid": "x-amzn-RequestId", "x-amz-apigw-id": "x-amz-apigw-id"}


def _shown_name(name: str) -> str:
    return _WRITTEN.get(name, name.title())


def _arguments(task: Task) -> Mapping[str, Any]:
    return task.arguments if isinstance(task.arguments, Mapping) else {}


async def _connection(
    task: Task, arguments: Mapping[str, Any]
) -> tuple[Mapping[str, Any], dict[str, str]]:
    """Return a connection's secret, and the headers that authorise a request."""
    given = arguments.get("Authentication") or arguments.get("InvocationConfig") or {}
    arn = str(given.get("ConnectionArn") or "")
    try:
        events = await task.parts.table.state("events")
        connection = events.connection(arn)
        if connection is None:
            raise TaskFailure("Events.ResourceNotFoundException", f"There is no connection {arn}")
        secret: dict[str, Any] = await events.authorizer.secret_of(connection)
        if connection["type"] == "BASIC":
            known = f"{secret['username']}:{secret['password']}".encode()
            return secret, {"Authorization": f"Basic {base64.b64encode(known).decode()}"}
        if connection["type"] == "API_KEY":
            return secret, {secret["api_key_name"]: secret["api_key_value"]}
        return secret, {"Authorization": await events.authorizer.token(connection, secret)}
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
