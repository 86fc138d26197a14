"""The AWS services of this endpoint, and how a caller of any other one is told."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property
from html import escape
from importlib import import_module
from typing import Any

import orjson

from emulator import wire
from emulator.model.errors import AwsError
from emulator.services.context import Context
from emulator.wire.serialise import Response
from emulator.wire.services import ServiceCodec

Handler = Callable[[Context, Mapping[str, Any]], Awaitable[dict[str, Any]]]

#: (service, protocol) to the module that has its ``OPERATIONS`` (by wire name) and
#: ``UNSUPPORTED`` (what to say of the others). A service is loaded when it is first called:
#: its model costs memory and start-up time.
SERVED = {
    ("lambda", "rest-json"): "emulator.services.lambda_.operations",
    ("logs", "json"): "emulator.services.logs.operations",
    ("sqs", "json"): "emulator.services.sqs.operations",
    ("sqs", "query"): "emulator.services.sqs.operations",
    ("sts", "query"): "emulator.services.sts.operations",
}

#: Parts whose rest protocol speaks XML, by the name in the credential scope.
_REST_XML = frozenset({"s3", "s3express", "cloudfront", "route53", "s3-outposts"})
#: What services are called, by their name in the credential scope.
_TITLES = {
    "apigateway": "API Gateway",
    "cloudformation": "CloudFormation",
    "dynamodb": "DynamoDB",
    "ecr": "ECR",
    "events": "EventBridge",
    "iam": "IAM",
    "kinesis": "Kinesis",
    "kms": "KMS",
    "lambda": "Lambda",
    "logs": "CloudWatch Logs",
    "monitoring": "CloudWatch",
    "s3": "S3",
    "secretsmanager": "Secrets Manager",
    "sns": "SNS",
    "sqs": "SQS",
    "ssm": "Systems Manager",
    "states": "Step Functions",
    "sts": "STS",
}
_WORD = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class Service:
    """One AWS service in one of its protocols."""

    def __init__(self, name: str, protocol: str) -> None:
        self.name = name
        self.protocol = protocol

    @cached_property
    def codec(self) -> ServiceCodec:
        return codec(self.name, "query" if self.protocol == "query" else None)

    @cached_property
    def operations(self) -> Mapping[str, Handler]:
        found: Mapping[str, Handler] = import_module(SERVED[self.name, self.protocol]).OPERATIONS
        return found

    def unsupported(self, operation: str) -> AwsError:
        """Return the error for an operation of the model that is not served."""
        texts: Mapping[str, str] = import_module(SERVED[self.name, self.protocol]).UNSUPPORTED
        title = _TITLES.get(self.name, self.name)
        text = texts.get(operation) or f"localfaas does not serve {operation} of {title}."
        return AwsError("NotImplementedException", text, status=501)


def codec(name: str, protocol: str | None = None) -> ServiceCodec:
    """Return the codec of a service, with what its folder knows about its wire."""
    own = next(key for key in SERVED if key[0] == name)
    deviations = import_module(SERVED[own].removesuffix("operations") + "wire").DEVIATIONS
    return wire.service(name, protocol, deviations)


class NotServed(Exception):
    """The request is for a service that is not served here."""

    def __init__(self, name: str, protocol: str) -> None:
        served = ", ".join(sorted({_TITLES.get(each, each) for each, _ in SERVED}))
        text = f"localfaas does not serve {_TITLES.get(name, name)}; it serves {served}."
        super().__init__(text)
        self.text = text
        self.protocol = protocol

    def response(self, request_id: str) -> Response:
        """Return the error in the caller's own protocol."""
        code = "NotImplemented" if self.protocol == "rest-xml" else "NotImplementedException"
        headers = [(b"x-amzn-requestid", request_id.encode())]
        if self.protocol in ("json", "rest-json"):
            headers.append((b"x-amzn-errortype", code.encode()))
            version = b"application/x-amz-json-1.1" if self.protocol == "json" else b""
            headers.append((b"content-type", version or b"application/json"))
            return 501, headers, orjson.dumps({"__type": code, "message": self.text})
        headers.append((b"content-type", b"text/xml"))
        text = escape(self.text, quote=False)
        if self.protocol == "rest-xml":
            body = (
                f"<Error><Code>{code}</Code><Message>{text}</Message>"
                f"<RequestId>{request_id}</RequestId></Error>"
            )
        else:
            body = (
                f"<ErrorResponse><Error><Type>Receiver</Type><Code>{code}</Code>"
                f"<Message>{text}</Message></Error><RequestId>{request_id}</RequestId>"
                "</ErrorResponse>"
            )
        return 501, headers, b'<?xml version="1.0" encoding="UTF-8"?>\n' + body.encode()


def not_served(headers: Mapping[str, str], query: str, body: bytes, signed_for: str) -> NotServed:
    """Return the error for a request of a service that is not served.

    Args:
        signed_for: The service of the request's signature; "" if it has none.
    """
    target = headers.get("x-amz-target", "").partition(".")[0]
    if target and _WORD.fullmatch(target):
        return NotServed(signed_for or target.partition("_")[0], "json")
    form = headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    if "Action=" in query or (form and b"Action=" in body):
        return NotServed(signed_for or "this service", "query")
    return NotServed(signed_for, "rest-xml" if signed_for in _REST_XML else "rest-json")
