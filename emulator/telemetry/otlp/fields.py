"""The messages of OTLP's traces: what each field's number, name and type is.

In memory they are dicts as in OTLP/JSON: names in lowerCamelCase, ids as hexadecimal text.

https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto
https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
"""

from __future__ import annotations

from typing import NamedTuple


class Field(NamedTuple):
    """A field of a message."""

    name: str
    #: "string", "hex" (bytes that JSON writes as hexadecimal), "bytes", "varint", "int64", "bool",
    #: "double", "fixed64", "fixed32", or the name of a message.
    type: str
    is_repeated: bool = False


#: Fields by number, of each message.
MESSAGES: dict[str, dict[int, Field]] = {
    "ExportTraceServiceRequest": {1: Field("resourceSpans", "ResourceSpans", True)},
    "ExportTraceServiceResponse": {1: Field("partialSuccess", "ExportTracePartialSuccess")},
    "ExportTracePartialSuccess": {
        1: Field("rejectedSpans", "int64"),
        2: Field("errorMessage", "string"),
    },
    "ResourceSpans": {
        1: Field("resource", "Resource"),
        2: Field("scopeSpans", "ScopeSpans", True),
        3: Field("schemaUrl", "string"),
    },
    "Resource": {1: Field("attributes", "KeyValue", True)},
    "ScopeSpans": {
        1: Field("scope", "InstrumentationScope"),
        2: Field("spans", "Span", True),
        3: Field("schemaUrl", "string"),
    },
    "InstrumentationScope": {
        1: Field("name", "string"),
        2: Field("version", "string"),
        3: Field("attributes", "KeyValue", True),
    },
    "Span": {
        1: Field("traceId", "hex"),
        2: Field("spanId", "hex"),
        3: Field("traceState", "string"),
        4: Field("parentSpanId", "hex"),
        5: Field("name", "string"),
        6: Field("kind", "varint"),
        7: Field("startTimeUnixNano", "fixed64"),
        8: Field("endTimeUnixNano", "fixed64"),
        9: Field("attributes", "KeyValue", True),
        11: Field("events", "Event", True),
        13: Field("links", "Link", True),
        15: Field("status", "Status"),
        16: Field("flags", "fixed32"),
    },
    "Event": {
        1: Field("timeUnixNano", "fixed64"),
        2: Field("name", "string"),
        3: Field("attributes", "KeyValue", True),
    },
    "Link": {
        1: Field("traceId", "hex"),
        2: Field("spanId", "hex"),
        3: Field("traceState", "string"),
        4: Field("attributes", "KeyValue", True),
    },
    "Status": {2: Field("message", "string"), 3: Field("code", "varint")},
    "KeyValue": {1: Field("key", "string"), 2: Field("value", "AnyValue")},
    "AnyValue": {
        1: Field("stringValue", "string"),
        2: Field("boolValue", "bool"),
        3: Field("intValue", "int64"),
        4: Field("doubleValue", "double"),
        5: Field("arrayValue", "ArrayValue"),
        6: Field("kvlistValue", "KeyValueList"),
        7: Field("bytesValue", "bytes"),
    },
    "ArrayValue": {1: Field("values", "AnyValue", True)},
    "KeyValueList": {1: Field("values", "KeyValue", True)},
}
