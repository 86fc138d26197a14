"""Requests that name a service but no operation of it: AWS's error in every protocol."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from emulator.services.spec import ServiceSpec
from tests.api.conftest import Running
from tests.codecs import TABLE

FORM = "application/x-www-form-urlencoded"
CASES = [
    (service.spec, protocol, operation)
    for service in TABLE.services
    for protocol in service.spec.protocols
    for operation in ("", ".", "Nonsense", "nonsense.Nonsense", "%", "Ä")
]


def ask(
    running: Running, spec: ServiceSpec, protocol: str, operation: str, signed: bool
) -> tuple[int, str]:
    headers, path, body, method = {}, "/", b"", "POST"
    if signed:
        scope = f"AKID/20260101/us-east-1/{spec.signing_names[0]}/aws4_request"
        headers["Authorization"] = f"AWS4-HMAC-SHA256 Credential={scope}, Signature=0"
    if protocol == "json":
        headers["X-Amz-Target"] = f"{spec.target_prefix}.{operation}"
        body = b"{}"
    elif protocol == "query":
        headers["Content-Type"] = FORM
        body = f"Action={operation}&Version={spec.query_version}".encode()
    elif protocol == "smithy-rpc-v2-cbor":
        headers["Smithy-Protocol"] = "rpc-v2-cbor"
        path = f"/service/{spec.target_prefix}/operation/{operation}"
    else:
        path = f"/{operation}"
    connection = http.client.HTTPConnection("localhost", running.emulator.port, timeout=60)
    try:
        connection.putrequest(method, quote(path))
        for name, value in headers.items():
            connection.putheader(name, value.encode())
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        code = response.headers.get("x-amzn-errortype", "")
        return response.status, code + response.read().decode(errors="replace")
    finally:
        connection.close()


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    from emulator.settings import Settings
    from emulator.testing import ScriptedDriver

    running = Running(Settings(port=0), driver=ScriptedDriver())
    yield running
    running.stop()


@pytest.mark.parametrize(
    ("spec", "protocol", "operation"), CASES, ids=[f"{s.model}-{p}-{o}" for s, p, o in CASES]
)
@pytest.mark.parametrize("signed", [True, False])
def test_an_operation_that_is_none(
    running: Running, spec: ServiceSpec, protocol: str, operation: str, signed: bool
) -> None:
    status, body = ask(running, spec, protocol, operation, signed)
    deviation = TABLE.find(spec.model).codec().model.deviations.unknown_route
    # A service may have words of its own for a path that means nothing, once it is known.
    own_code, _, own_status = deviation or ("UnknownOperationException", "", 404)
    assert status in (400, 404, own_status)
    codes = ("UnknownOperationException", "InvalidAction", "SerializationException", own_code)
    assert any(code in body for code in codes) or "does not serve" in body
    if operation in ("", "Nonsense"):
        expected = own_code if signed else "UnknownOperationException"
        assert ("InvalidAction" if protocol == "query" else expected) in body


def test_a_signature_for_a_service_alone(running: Running) -> None:
    """A GET on a queue's URL without an action: recorded from SQS."""
    connection = http.client.HTTPConnection("localhost", running.emulator.port, timeout=60)
    scope = "AKID/20260101/us-east-1/sqs/aws4_request"
    headers = {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, Signature=0"}
    connection.request("GET", "/000000000000/queue", headers=headers)
    response = connection.getresponse()
    assert (response.status, b"UnknownOperationException" in response.read()) == (404, True)
    connection.close()
