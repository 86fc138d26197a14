"""Inside a function AWS's SDK is the function's role, and reaches the function's own account."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.drivers import settings
from tests.api.conftest import Running, create, zip_of

CODE = """
import os, uuid
where = str(uuid.uuid4())
def handler(event, context):
    import boto3
    identity = boto3.client("sts").get_caller_identity()
    url = boto3.client("sqs").create_queue(QueueName="from-inside")["QueueUrl"]
    names = ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "ENDPOINT_URL")
    given = [os.environ["AWS_" + name] for name in names]
    return {"arn": identity["Arn"], "url": url, "where": where, "env": given}
"""
ACCOUNT = "111122223333"


@pytest.fixture(scope="module")
def emulator() -> Iterator[Running]:
    running = Running(settings("process"))
    yield running
    running.stop()


def invoke(client: Any, name: str) -> Any:
    answer = client.invoke(FunctionName=name)
    payload = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, payload
    return payload


@pytest.mark.parametrize(("name", "session"), [("reader", "reader"), ("f", "f@lambda_function")])
def test_a_function_is_its_role_in_its_own_account(
    emulator: Running, name: str, session: str
) -> None:
    client = emulator.client("lambda", account=ACCOUNT)
    create(
        client,
        name,
        Code={"ZipFile": zip_of(app__py=CODE)},
        Handler="app.handler",
        Role=f"arn:aws:iam::{ACCOUNT}:role/service-role/worker",
        Timeout=60,
        MemorySize=1769,
    )
    client.get_waiter("function_active_v2").wait(FunctionName=name)
    found = invoke(client, name)
    assert found["arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/{session}"
    assert f"/{ACCOUNT}/from-inside" in found["url"]
    key, secret, token, endpoint = found["env"]
    assert re.fullmatch("ASIA[A-Z2-7]{16}", key)
    assert len({key, secret, token}) == 3
    assert ACCOUNT not in (key, secret, token)
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", endpoint)
    client.update_function_configuration(FunctionName=name, Description="new environments")
    client.get_waiter("function_updated_v2").wait(FunctionName=name)
    other = invoke(client, name)
    assert other["where"] != found["where"]
    assert set(other["env"][:3]).isdisjoint(found["env"][:3]), "credentials end with an environment"
