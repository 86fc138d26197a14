"""Bad input gets AWS's own kind of answer: never a 5xx, never a hang."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import zipfile
from typing import Any

import pytest

from emulator.app import Emulator
from emulator.services.lambda_.operations import UNSUPPORTED
from emulator.services.sqs import attributes
from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.codecs import codec
from tests.reliability.fuzz import FuzzedRequest, Fuzzer

pytestmark = pytest.mark.thorough

_ARN = "arn:aws:lambda:us-east-1:000000000000"
_NAMES = [f"f{number}" for number in range(4)]
_QUEUE = "arn:aws:sqs:us-east-1:000000000000:queue"


def _zip() -> str:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo("app.py")
        entry.external_attr = 0o644 << 16
        archive.writestr(entry, "def handler(event, context):\n    return event\n")
    return base64.b64encode(buffer.getvalue()).decode()


KNOWN: dict[str, list[Any]] = {
    "FunctionName": [
        *_NAMES,
        *(f"{name}:1" for name in _NAMES),
        f"{_ARN}:function:f0",
        f"{_ARN}:function:f1:live",
        "000000000000:function:f2",
        "f3:$LATEST",
        "missing",
        *(f"new{number}" for number in range(8)),
    ],
    "Qualifier": ["$LATEST", "1", "2", "live", "$LATEST.PUBLISHED", "9"],
    "FunctionVersion": ["1", "2", "$LATEST", "ALL"],
    "Name": ["live", "blue", "1"],
    "Role": ["arn:aws:iam::000000000000:role/role"],
    "Runtime": ["python3.12", "nodejs22.x", "java21"],
    "Handler": ["app.handler"],
    "ZipFile": [_zip(), _zip(), "bm8gemlw", "!"],
    "LayerName": ["layer", f"{_ARN}:layer:layer", "missing"],
    "VersionNumber": [1, 2, 0, -1],
    "Layers": [[], [f"{_ARN}:layer:layer:1"], [f"{_ARN}:layer:layer:1"] * 2],
    "Arn": [f"{_ARN}:layer:layer:1", f"{_ARN}:layer:layer:7"],
    "StatementId": ["one", "two"],
    "Action": ["lambda:InvokeFunction", "lambda:GetLayerVersion", "*"],
    "Principal": ["*", "000000000000", "s3.amazonaws.com", "nobody"],
    "EventSourceArn": [_QUEUE, f"{_QUEUE}.fifo", "arn:aws:kinesis:us-east-1:000000000000:stream/s"],
    "Resource": [f"{_ARN}:function:f0", f"{_ARN}:function:f0:1", f"{_ARN}:layer:layer"],
    "ResourceArn": [f"{_ARN}:function:f0", f"{_ARN}:function:f0:1", f"{_ARN}:function:missing"],
    "Policy": [
        json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": {
                    "Effect": "Allow",
                    "Principal": "*",
                    "Action": "lambda:InvokeFunction",
                    "Resource": f"{_ARN}:function:f0",
                },
            }
        ),
        "{",
        "[]",
        '{"Statement": [1]}',
        '{"Statement": {"Effect": "Allow", "Principal": {}, "Action": 1, "Resource": [{}]}}',
    ],
    "Pattern": ['{"body": {"a": [1]}}', "null", "{", '{"a": 1}'],
    "CapacityProviderName": ["provider", f"{_ARN}:capacity-provider:provider", "missing"],
    "CapacityProviderArn": [f"{_ARN}:capacity-provider:provider"],
    "Marker": ["", "Zg==", "!", "\u00ff", base64.b64encode(b"\xff").decode(), "MQ=="],
    "InvocationType": ["RequestResponse", "Event", "DryRun"],
    "Payload": ["{}", "", "nope", "[1"],
    "InvokeArgs": ["{}", "nope"],
    "PerExecutionEnvironmentMaxConcurrency": [1, 10],
    "CapacityProviderOperatorRoleArn": ["arn:aws:iam::000000000000:role/role"],
    "SubnetIds": ["subnet-0123456789abcdef0"],
    "SecurityGroupIds": ["sg-0123456789abcdef0"],
    "SigningProfileVersionArns": ["arn:aws:signer:us-east-1:000000000000:/signing-profiles/p/v"],
    "KMSKeyArn": ["arn:aws:kms:us-east-1:000000000000:key/k", ""],
    "KmsKeyArn": ["arn:aws:kms:us-east-1:000000000000:key/k"],
    "SourceKMSKeyArn": ["arn:aws:kms:us-east-1:000000000000:key/k"],
    "TargetArn": [_QUEUE, ""],
    "Destination": [_QUEUE, f"{_ARN}:function:f1", f"{_ARN}:function:missing", "", "arn:aws:iam:"],
    "ImageUri": ["123456789012.dkr.ecr.us-east-1.amazonaws.com/image:latest"],
    "SourceAccount": ["000000000000"],
    "SourceArn": ["arn:aws:s3:::bucket"],
    "PrincipalOrgID": ["o-0123456789"],
    "OrganizationId": ["o-0123456789"],
    "RuntimeVersionArn": [f"arn:aws:lambda:us-east-1::runtime:{'0' * 64}"],
    "RuntimeArn": [f"{_ARN}:runtime/mine"],
    "LocalMountPath": ["/mnt/data"],
    "UUID": ["12345678-1234-1234-1234-123456789012"],
    "CodeSigningConfigArn": [f"{_ARN}:code-signing-config:csc-0123456789abcdefg"],
    "AdditionalVersionWeights": [{"2": 0.5}, {}, {"1": 0.1}, {"1": 0.1, "2": 0.2}, {"9": 0.5}],
    "ReservedConcurrentExecutions": [0, 1, 100, 900, 901, 5000],
    "ProvisionedConcurrentExecutions": [1, 2, 1000, 5000],
    "RevisionId": ["", "12345678-1234-1234-1234-123456789012"],
    "CodeSha256": ["", "no"],
}


async def send_to(gateway: Any, request: FuzzedRequest) -> tuple[int, dict[str, str], bytes]:
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": request.path,
        "raw_path": request.path.encode(),
        "query_string": request.query.encode(),
        "headers": [(k.encode(), v.encode("latin-1")) for k, v in request.headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 1),
    }
    messages = [{"type": "http.request", "body": request.body, "more_body": False}]
    sent: list[dict[str, Any]] = []

    async def receive() -> Any:
        return messages.pop() if messages else await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    await gateway(scope, receive, send)
    headers = {name.decode(): value.decode("latin-1") for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, b"".join(each.get("body", b"") for each in sent[1:])


def _call(operation: str, method: str, path: str, body: object) -> FuzzedRequest:
    headers = {"host": "localhost", "content-type": "application/json"}
    return FuzzedRequest(operation, method, path, "", headers, json.dumps(body).encode())


async def _furnish(gateway: Any) -> None:
    """Make what the fuzzer knows by name."""
    code = {"ZipFile": _zip()}
    for name in _NAMES:
        body = {
            "FunctionName": name,
            "Role": KNOWN["Role"][0],
            "Runtime": "python3.12",
            "Handler": "app.handler",
            "Code": code,
            "Publish": True,
        }
        status, _, answer = await send_to(
            gateway, _call("CreateFunction", "POST", "/2015-03-31/functions", body)
        )
        assert status == 201, answer
        # One that was there before has other numbers.
        alias = {"Name": "live", "FunctionVersion": json.loads(answer)["Version"]}
        path = f"/2015-03-31/functions/{name}/aliases"
        status, _, answer = await send_to(gateway, _call("CreateAlias", "POST", path, alias))
        assert status == 201, answer
    for operation, path, body, known in (
        ("PublishLayerVersion", "/2018-10-31/layers/layer/versions", {"Content": code}, ""),
        (
            "CreateEventSourceMapping",
            "/2015-03-31/event-source-mappings",
            {"FunctionName": "f0", "EventSourceArn": _QUEUE + str(len(KNOWN["UUID"]))},
            "UUID",
        ),
        (
            "CreateCodeSigningConfig",
            "/2020-04-22/code-signing-configs",
            {
                "AllowedPublishers": {
                    "SigningProfileVersionArns": KNOWN["SigningProfileVersionArns"]
                }
            },
            "CodeSigningConfigArn",
        ),
    ):
        status, _, answer = await send_to(gateway, _call(operation, "POST", path, body))
        assert status < 300, answer
        if known:
            made = json.loads(answer)
            KNOWN[known].append(made.get("CodeSigningConfig", made)[known])


def complaint(request: FuzzedRequest, status: int, headers: dict[str, str], body: bytes) -> str:
    """Return what is wrong with an answer; nothing if it is as it should be."""
    if status == 501 and request.operation in UNSUPPORTED:
        return ""
    if status >= 500 or status < 200:
        return f"status {status}: {body[:300]!r}"
    if status >= 400:
        if not headers.get("x-amzn-errortype"):
            return f"{status} without x-amzn-errortype"
        if not isinstance(json.loads(body), dict):
            return f"{status} without a JSON object"
    return ""


@pytest.mark.parametrize(
    ("count", "seed"),
    [(1_500, 1), pytest.param(20_000, 2, marks=pytest.mark.slow)],
)
async def test_fuzzed_requests(count: int, seed: int) -> None:
    settings = Settings(port=0, drain_seconds=0, transition_seconds=0)
    emulator = Emulator(settings, driver=ScriptedDriver())
    ready = asyncio.Event()
    running = asyncio.create_task(emulator.run(on_ready=ready.set))
    await ready.wait()
    fuzzer = Fuzzer(codec("lambda").model, KNOWN, seed)
    complaints: list[str] = []
    statuses: dict[int, int] = {}
    try:
        for number in range(count):
            if number % 500 == 0:
                await _furnish_again(emulator)
            request = fuzzer.request()
            try:
                async with asyncio.timeout(60):
                    answer = await send_to(emulator.router, request)
            except Exception as error:  # noqa: BLE001 (each is a finding)
                complaints.append(f"{request}: {type(error).__name__}: {error}"[:900])
                continue
            kind = answer[0] // 100
            statuses[kind] = statuses.get(kind, 0) + 1
            wrong = complaint(request, *answer)
            if wrong:
                complaints.append(f"{request}: {wrong}"[:900])
        assert complaints == []
        # It reaches behind the validation: a good part succeeds.
        assert statuses[2] > count / 20, statuses
    finally:
        emulator.stop()
        emulator.stop()
        await running


async def _furnish_again(emulator: Emulator) -> None:
    for name in _NAMES:
        function = emulator.registry.find("000000000000", "us-east-1", name)
        if function is not None:
            await emulator.registry.delete(function)
    for name in ("queue", "queue.fifo", f"queue{len(KNOWN['UUID'])}"):
        sqs = emulator.table.find("sqs").state
        if sqs.find("000000000000", "us-east-1", name) is None:
            initial = attributes.initial({}, fifo=name.endswith(".fifo"))
            await sqs.create("000000000000", "us-east-1", name, initial, {})
    await _furnish(emulator.router)
