"""X-Ray's segments as OpenTelemetry's spans, and the other way round.

The same trace has the same id: X-Ray writes ``1-65a1b2c3-…`` for ``65a1b2c3…``.

https://docs.aws.amazon.com/xray/latest/devguide/xray-opentelemetry.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from emulator.telemetry.otlp.protobuf import is_hex

Document = dict[str, Any]

_INTERNAL, _SERVER, _CLIENT, _PRODUCER, _CONSUMER = 1, 2, 3, 4, 5
_OK, _ERROR = 1, 2
_SAMPLED = 1
#: Where X-Ray keeps the attributes of OpenTelemetry's spans.
_ATTRIBUTES = "otel"
#: Names the attributes that become annotations, by which traces are found.
_WANTED = "aws.xray.annotations"
_SCOPE = {"name": "localfaas"}
#: Spans in spans of one document.
_MOST = 1000


# --- out -----------------------------------------------------------------------------------------


def to_spans(documents: Iterable[Document]) -> list[Document]:
    """Return documents as ``resourceSpans``; what has not ended yet is left out."""
    by_service: dict[tuple[tuple[str, str], ...], list[Document]] = {}
    for document in documents:
        service = _resource(document)
        spans = by_service.setdefault(tuple(sorted(service.items())), [])
        waiting = [(document, str(document.get("parent_id") or ""))]
        while waiting and len(spans) < _MOST * 100:
            part, parent = waiting.pop()
            if not part.get("in_progress") and "end_time" in part:
                spans.append(_span(part, document, parent))
            waiting += [(each, part["id"]) for each in part.get("subsegments") or ()]
    return [
        {
            "resource": {"attributes": _attributes(dict(service))},
            "scopeSpans": [{"scope": _SCOPE, "spans": spans}],
        }
        for service, spans in by_service.items()
        if spans
    ]


def _resource(document: Document) -> dict[str, str]:
    aws = document.get("aws") or {}
    found = {"service.name": _service(document), "cloud.provider": "aws"}
    if isinstance(aws.get("account_id"), str):
        found["cloud.account.id"] = aws["account_id"]
    if isinstance(document.get("resource_arn"), str):
        found["cloud.resource_id"] = document["resource_arn"]
    if document.get("origin") in ("AWS::Lambda", "AWS::Lambda::Function"):
        found["cloud.platform"] = "aws_lambda"
        found["faas.name"] = document["name"]
    return found


def _service(document: Document) -> str:
    told = (document.get("metadata") or {}).get(_ATTRIBUTES)
    named = told.get("service.name") if isinstance(told, dict) else None
    return str(named or document["name"])


def _span(part: Document, segment: Document, parent: str) -> Document:
    span: Document = {
        "traceId": trace_id_out(segment["trace_id"]),
        "spanId": part["id"].lower(),
        "name": part["name"],
        "kind": _kind(part, is_segment=part is segment),
        "startTimeUnixNano": _nanoseconds(part["start_time"]),
        "endTimeUnixNano": _nanoseconds(part["end_time"]),
        "attributes": _attributes(_told(part)),
        "flags": _SAMPLED,
    }
    if is_hex(parent.lower(), 16):
        span["parentSpanId"] = parent.lower()
    failed = part.get("fault") is True or part.get("error") is True
    exceptions = _exceptions(part)
    if exceptions:
        span["events"] = [
            {
                "timeUnixNano": span["endTimeUnixNano"],
                "name": "exception",
                "attributes": _attributes(each),
            }
            for each in exceptions
        ]
    if failed:
        first = exceptions[0] if exceptions else {}
        message = first.get("exception.message") or first.get("exception.type") or ""
        span["status"] = {"code": _ERROR, "message": message}
    links = [
        {"traceId": trace_id_out(each["trace_id"]), "spanId": each["id"].lower()}
        for each in part.get("links") or ()
        if isinstance(each, dict) and isinstance(each.get("trace_id"), str)
        if is_hex(str(each.get("id") or "").lower(), 16)
    ]
    if links:
        span["links"] = links
    return span


def _nanoseconds(seconds: float) -> str:
    """Return a time as OTLP writes it; beyond microseconds, a float of today says nothing."""
    return str(round(seconds * 1e6) * 1000)


def trace_id_out(text: str) -> str:
    """Return OpenTelemetry's form of a trace's id."""
    return text.removeprefix("1-").replace("-", "").lower()


def _kind(part: Document, *, is_segment: bool) -> int:
    if part.get("namespace") in ("aws", "remote") or part.get("inferred") is True:
        return _CLIENT
    return _SERVER if is_segment and part.get("type") != "subsegment" else _INTERNAL


def _told(part: Document) -> dict[str, Any]:
    """Return a document's attributes, by the names of OpenTelemetry's conventions."""
    found: dict[str, Any] = {}
    kept = (part.get("metadata") or {}).get(_ATTRIBUTES)
    if isinstance(kept, dict):
        found |= {key: value for key, value in kept.items() if key != "service.name"}
    http, aws = part.get("http") or {}, part.get("aws") or {}
    request, response = http.get("request") or {}, http.get("response") or {}
    named = {
        "http.request.method": request.get("method"),
        "url.full": request.get("url"),
        "client.address": request.get("client_ip"),
        "user_agent.original": request.get("user_agent"),
        "http.response.status_code": response.get("status"),
        "aws.request_id": aws.get("request_id"),
        "cloud.region": aws.get("region"),
        "rpc.method": aws.get("operation"),
        "faas.invoked_name": None,
    }
    if part.get("origin") == "AWS::Lambda::Function":
        named["faas.invocation_id"] = aws.get("request_id")
        phases = [each.get("name") for each in part.get("subsegments") or ()]
        named["faas.coldstart"] = "Initialization" in phases
    if aws.get("operation"):
        named["rpc.system"], named["rpc.service"] = "aws-api", part["name"]
    found |= {key: value for key, value in named.items() if value is not None}
    for key, value in (part.get("annotations") or {}).items():
        found.setdefault(key, value)
    return found


def _exceptions(part: Document) -> list[dict[str, str]]:
    cause = part.get("cause")
    listed = cause.get("exceptions") if isinstance(cause, dict) else None
    return [
        {
            "exception.type": str(each.get("type") or ""),
            "exception.message": str(each.get("message") or ""),
        }
        for each in (listed if isinstance(listed, list) else ())
        if isinstance(each, dict)
    ]


def _attributes(values: Mapping[str, Any]) -> list[Document]:
    return [{"key": str(key), "value": _any(value)} for key, value in values.items()]


def _any(value: Any) -> Document:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int) and -(1 << 63) <= value < 1 << 63:
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_any(each) for each in value]}}
    return {"stringValue": value if isinstance(value, str) else str(value)}


# --- in ------------------------------------------------------------------------------------------


def to_documents(request: Mapping[str, Any]) -> tuple[list[Document], int]:
    """Return the spans of a request as documents, and how many were refused.

    Args:
        request: An ``ExportTraceServiceRequest`` as in OTLP/JSON.
    """
    found: list[Document] = []
    refused = 0
    for resource in _dicts(request.get("resourceSpans")):
        attributes = _values((resource.get("resource") or {}).get("attributes"))
        for scope in _dicts(resource.get("scopeSpans")):
            for span in _dicts(scope.get("spans")):
                document = _document(span, attributes)
                if document is None:
                    refused += 1
                else:
                    found.append(document)
    return found, refused


def _dicts(values: Any) -> list[Mapping[str, Any]]:
    return [each for each in values if isinstance(each, dict)] if isinstance(values, list) else []


def _document(span: Mapping[str, Any], resource: Mapping[str, Any]) -> Document | None:
    """Return a span as a document; None: it has no ids, or no times."""
    trace_id, span_id = str(span.get("traceId") or ""), str(span.get("spanId") or "")
    if not is_hex(trace_id, 32) or not is_hex(span_id, 16):
        return None
    try:
        start = int(span.get("startTimeUnixNano") or 0) / 1e9
        end = int(span.get("endTimeUnixNano") or 0) / 1e9
    except (TypeError, ValueError):
        return None
    if not 0 < start < 1e11 or end > 1e11:
        return None
    attributes = _values(span.get("attributes"))
    parent, kind = span.get("parentSpanId"), span.get("kind")
    is_server = kind in (_SERVER, _CONSUMER, "SPAN_KIND_SERVER", "SPAN_KIND_CONSUMER")
    service = str(resource.get("service.name") or "unknown_service")
    name = str(span.get("name") or "span")
    document: Document = {
        "id": span_id.lower(),
        "trace_id": f"1-{trace_id[:8]}-{trace_id[8:]}".lower(),
        "name": _clean(name if parent else service),
        "start_time": start,
        "end_time": max(start, end),
        "metadata": {_ATTRIBUTES: {**attributes, "service.name": service}},
    }
    annotations = _annotations(attributes)
    if annotations:
        document["annotations"] = annotations
    if is_hex(parent, 16):
        document["parent_id"] = str(parent).lower()
        # Who serves a request in a function is a part of its invocation.
        if not is_server or resource.get("faas.name") or resource.get("cloud.platform"):
            document["type"] = "subsegment"
    if kind in (_CLIENT, _PRODUCER, "SPAN_KIND_CLIENT", "SPAN_KIND_PRODUCER"):
        is_aws = attributes.get("rpc.system") == "aws-api"
        document["namespace"] = "aws" if is_aws else "remote"
        if is_aws and attributes.get("rpc.method"):
            document["aws"] = {"operation": str(attributes["rpc.method"])}
    http = _http(attributes)
    if http:
        document["http"] = http
    _fail(document, span, attributes)
    return document


def _annotations(attributes: Mapping[str, Any]) -> dict[str, str | bool | int | float]:
    """Return the attributes that a span wants to be found by, as AWS's collector takes them."""
    wanted = attributes.get(_WANTED)
    return {
        re.sub(r"\W", "_", str(name), flags=re.ASCII): attributes[name]
        for name in (wanted if isinstance(wanted, list) else ())
        if isinstance(name, str) and isinstance(attributes.get(name), str | bool | int | float)
    }


def _http(attributes: Mapping[str, Any]) -> Document:
    request = {
        "method": attributes.get("http.request.method") or attributes.get("http.method"),
        "url": attributes.get("url.full") or attributes.get("http.url"),
    }
    status = attributes.get("http.response.status_code") or attributes.get("http.status_code")
    found: Document = {}
    told = {key: str(value) for key, value in request.items() if value}
    if told:
        found["request"] = told
    if isinstance(status, int):
        found["response"] = {"status": status}
    return found


def _fail(document: Document, span: Mapping[str, Any], attributes: Mapping[str, Any]) -> None:
    status = span.get("status")
    code = status.get("code") if isinstance(status, dict) else None
    http = ((document.get("http") or {}).get("response") or {}).get("status") or 0
    if code not in (_ERROR, "STATUS_CODE_ERROR") and http < 500:
        return
    document["error" if 400 <= http < 500 else "fault"] = True
    exceptions = [
        {
            "id": document["id"],
            "type": str(told.get("exception.type") or "Error"),
            "message": str(told.get("exception.message") or ""),
        }
        for event in _dicts(span.get("events"))
        if event.get("name") == "exception"
        for told in (_values(event.get("attributes")),)
    ]
    if not exceptions and isinstance(status, dict) and status.get("message"):
        message = str(status["message"])
        exceptions = [{"id": document["id"], "type": "Error", "message": message}]
    if exceptions:
        document["cause"] = {"exceptions": exceptions}


def _clean(name: str) -> str:
    """Return a name as X-Ray takes it."""
    kept = "".join(each if each.isalnum() or each in " _.:/%&#=+\\-@" else "_" for each in name)
    return kept[:200] or "span"


def _values(attributes: Any) -> dict[str, Any]:
    return {
        str(each["key"]): _plain(each.get("value"), 20)
        for each in _dicts(attributes)
        if "key" in each
    }


def _plain(value: Any, deeper: int) -> Any:
    if not isinstance(value, dict) or not deeper:
        return None
    if "intValue" in value:
        try:
            return int(value["intValue"])
        except (TypeError, ValueError):
            return None
    if "arrayValue" in value:
        inner = value["arrayValue"]
        listed = inner.get("values") if isinstance(inner, dict) else None
        return [_plain(each, deeper - 1) for each in _dicts(listed)]
    if "kvlistValue" in value:
        inner = value["kvlistValue"]
        return {
            str(each["key"]): _plain(each.get("value"), deeper - 1)
            for each in _dicts(inner.get("values") if isinstance(inner, dict) else None)
            if "key" in each
        }
    for kind in ("stringValue", "boolValue", "doubleValue", "bytesValue"):
        if kind in value:
            return value[kind]
    return None
