"""The embedded library, moto: all of it that is touched, each with a contract test.

``Request.from_primitives``, ``get_backend(name)[account][region].urls``, the header
``x-moto-account-id`` with MOTO_ALLOW_NONEXISTENT_REGION, and ``mock_random.seed``.
"""

from __future__ import annotations

import json
import os
import pickle
import re
import traceback
from importlib import import_module
from typing import Any
from urllib.parse import parse_qs, urlsplit

Answer = tuple[int, list[tuple[str, str]], bytes]

#: Hosts of services on AWS, by their names in signatures, where the two differ.
_HOSTS = {
    "cloudhsm": "cloudhsmv2",
    "iotdata": "data-ats.iot",
    "ses": "email",
    "timestream": "ingest.timestream",
}
#: Services that are the same in all regions.
_GLOBAL = frozenset(("cloudfront", "iam", "organizations", "route53", "s3", "shield", "sts"))
_READS = re.compile(
    r"(Get|List|Describe|BatchGet|Search|Head|Query|Scan|Check|Lookup|Preview|Estimate|Simulate|"
    r"Validate|Test)"
)


class Library:
    """The library in this process. Making one imports it."""

    def __init__(self) -> None:
        os.environ.setdefault("MOTO_ALLOW_NONEXISTENT_REGION", "true")
        os.environ.setdefault("AWS_ACCESS_KEY_ID", "embedded")
        os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "embedded")
        self._backends: Any = import_module("moto.backends")
        self._request: Any = import_module("moto.core.request").Request
        self._random: Any = import_module("moto.moto_api._internal").mock_random
        self._urls: dict[tuple[str, str, str], list[tuple[re.Pattern[str], Any]]] = {}

    def seed(self, number: int) -> None:
        """Make the ids that come next those of this number."""
        self._random.seed(number)

    def find(self, head: dict[str, Any]) -> tuple[str, str] | None:
        """Return the backend and the URL on AWS of a request; None: there is no such backend."""
        service, region = head["service"], head["region"]
        if not service:
            return None
        host = _HOSTS.get(service, service)
        place = host if service in _GLOBAL else f"{host}.{region}"
        url = f"https://{place}.amazonaws.com{head['target']}"
        name = self._backends.get_service_from_url(url)
        return None if name is None else (name, url)

    def request(self, head: dict[str, Any], body: bytes) -> Answer | None:
        """Answer a request; None: no backend serves it."""
        found = self.find(head)
        if found is None:
            return None
        name, url = found
        headers = {
            **head["headers"],
            "host": urlsplit(url).netloc,
            "x-moto-account-id": head["account"],
        }
        bare = url.partition("?")[0]
        try:
            handler = self._handler(name, head["account"], head["region"], bare)
            if handler is None:
                return self._refuse(head, body, 400, "NotImplementedException", name)
            request = self._request.from_primitives(head["method"], url, headers, body)
            status, answers, content = handler(request, url, request.headers)
        except NotImplementedError:
            return self._refuse(head, body, 400, "NotImplementedException", name)
        except Exception as error:  # noqa: BLE001 what the library raises is an answer, or a fault
            response = getattr(error, "get_response", None)
            if response is None:
                traceback.print_exc()
                return self._refuse(head, body, 500, "InternalFailure", f"{name}: {error!r}")
            answered = response()
            status, content = answered.status_code, answered.get_data()
            answers = dict(answered.headers)
        if isinstance(content, str):
            content = content.encode()
        listed = [
            (str(key), str(value))
            for key, value in dict(answers).items()
            if key.lower() not in ("status", "content-length", "connection", "server")
        ]
        return int(status), listed, bytes(content or b"")

    def _handler(self, name: str, account: str, region: str, url: str) -> Any:
        key = (name, account, region)
        patterns = self._urls.get(key)
        if patterns is None:
            regions = self._backends.get_backend(name)[account]
            backend = regions[region] if region in regions else regions[_one(regions, region)]
            patterns = [(re.compile(pattern), h) for pattern, h in backend.urls.items()]
            self._urls[key] = patterns
        return next((each for pattern, each in patterns if pattern.match(url)), None)

    def _refuse(
        self, head: dict[str, Any], body: bytes, status: int, code: str, detail: str
    ) -> Answer:
        """Answer in the shape of the caller's protocol."""
        operation = operation_of(head, body)
        if code == "InternalFailure":
            text = f"The embedded library failed: {detail}"
        else:
            text = f"localfaas does not serve {operation or 'this operation'} of {detail}."
        headers, form = head["headers"], head["headers"].get("content-type", "")
        if "x-amz-target" in headers or "json" in form or not form:
            content = json.dumps({"__type": code, "message": text}).encode()
            return (
                status,
                [
                    ("content-type", "application/x-amz-json-1.1"),
                    ("x-amzn-errortype", code),
                ],
                content,
            )
        content = (
            f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code>"
            f"<Message>{text.replace('&', '&amp;').replace('<', '&lt;')}</Message></Error>"
            "<RequestId>embedded</RequestId></ErrorResponse>"
        ).encode()
        return status, [("content-type", "text/xml")], content

    def dump(self, name: str) -> bytes | None:
        """Return the state of a backend; None where it can't be written down."""
        try:
            return pickle.dumps(dict(self._backends.get_backend(name)))
        except Exception:  # noqa: BLE001 locks, keys, functions: each fails in its own way
            return None

    def load(self, name: str, state: bytes) -> None:
        """Bring back the state of a backend."""
        self._backends.get_backend(name).update(pickle.loads(state))
        self._urls.clear()

    def forget(self, name: str, account: str | None) -> None:
        """Forget what an account (None: each of them) has made in a backend."""
        backend = self._backends.get_backend(name)
        for each in [account] if account is not None else list(backend):
            backend.pop(each, None)
        self._urls.clear()


def _one(regions: Any, region: str) -> str:
    """Return what a backend without regions calls its only one."""
    return "aws" if "aws" in regions or not getattr(regions, "regions", [region]) else region


def operation_of(head: dict[str, Any], body: bytes) -> str:
    """Return the operation that a request names; "" where method and path say it."""
    target = head["headers"].get("x-amz-target", "")
    if target:
        return str(target.rpartition(".")[2])
    query = parse_qs(urlsplit(head["target"]).query)
    if "Action" in query:
        return str(query["Action"][0])
    if head["headers"].get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return str(parse_qs(body.decode("utf-8", "replace")).get("Action", [""])[0])
    return ""


def is_read(head: dict[str, Any], body: bytes) -> bool:
    """Say whether a request changes nothing."""
    operation = operation_of(head, body)
    return _READS.match(operation) is not None if operation else head["method"] in ("GET", "HEAD")
