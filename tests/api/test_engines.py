"""Services that engines serve: an attached endpoint, and the embedded library in its process."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.api.conftest import Running
from tests.api.test_dynamodb import create

pytestmark = pytest.mark.thorough

pytest.importorskip("moto", reason="the extra aws is not installed")


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def running(state: Path) -> Iterator[Running]:
    running = Running(Settings(port=0, state=state), driver=ScriptedDriver())
    yield running
    running.stop()


def _pid(running: Running) -> int:
    pid = running.call(lambda: running.emulator.table.neighbours._embedded.pid)
    assert pid is not None
    return int(pid)


def _code(call: Any, **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**request)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_nothing_is_started_before_it_is_needed(scripted_state: Running) -> None:
    assert not scripted_state.emulator.table.neighbours._has_embedded


def test_the_embedded_library_serves_what_nothing_else_does(running: Running) -> None:
    cognito, alarms = running.client("cognito-idp"), running.client("route53")
    pool = cognito.create_user_pool(PoolName="users")["UserPool"]
    assert pool["Arn"].startswith("arn:aws:cognito-idp:us-east-1:000000000000:userpool/")
    others = (
        running.client("cognito-idp", account="111122223333"),
        running.client("cognito-idp", region="xx-invented-1"),
    )
    for other in others:
        assert other.list_user_pools(MaxResults=5)["UserPools"] == []
        other.close()
    assert alarms.list_hosted_zones()["HostedZones"] == []
    cognito.close()
    alarms.close()


def test_what_it_does_not_serve_says_so(running: Running) -> None:
    cognito, chime = running.client("cognito-idp"), running.client("chime")
    assert _code(cognito.start_user_import_job, UserPoolId="us-east-1_x", JobId="import-1") == (
        "NotImplementedException",
        "localfaas does not serve StartUserImportJob of cognitoidp.",
    )
    code, text = _code(chime.list_accounts)
    assert (code, text[:30]) == ("NotImplementedException", "localfaas does not serve Chime")
    cognito.close()
    chime.close()


def test_what_it_keeps_outlives_its_process(running: Running) -> None:
    cognito = running.client("cognito-idp")
    made = [cognito.create_user_pool(PoolName=f"pool-{n}")["UserPool"]["Id"] for n in range(5)]
    os.kill(_pid(running), signal.SIGKILL)
    found: list[str] = []
    end = time.monotonic() + 60
    while not found and time.monotonic() < end:
        try:
            found = [e["Id"] for e in cognito.list_user_pools(MaxResults=60)["UserPools"]]
        except ClientError as error:
            # What SDKs try again.
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 503  # noqa: PT017
    assert set(made) <= set(found)
    cognito.close()


def test_services_are_listed_with_what_lasts(running: Running) -> None:
    cognito = running.client("cognito-idp")
    cognito.list_user_pools(MaxResults=5)  # a service is listed once it was called
    cognito.close()
    found = {each["service"]: each for each in running.call(running.emulator.table.describe)}
    assert found["dynamodb"]["engine"] == "localfaas"
    assert found["cognitoidp"]["engine"] == "embedded library"
    assert found["cognitoidp"]["lasts"] == "yes"


def test_a_reset_of_an_account_leaves_the_others(running: Running) -> None:
    mine, other = (
        running.client("cognito-idp", account=each) for each in ("000000000000", "222233334444")
    )
    for client in (mine, other):
        client.create_user_pool(PoolName="p")
    running.call(lambda: running.emulator.table.reset("222233334444"))
    assert other.list_user_pools(MaxResults=5)["UserPools"] == []
    assert mine.list_user_pools(MaxResults=5)["UserPools"] != []
    mine.close()
    other.close()


def test_an_attached_endpoint_serves_in_our_place(running: Running) -> None:
    attached = Running(Settings(port=0, engines={"dynamodb": running.url}), driver=ScriptedDriver())
    near, far = attached.client("dynamodb"), running.client("dynamodb")
    name = create(near)
    near.put_item(TableName=name, Item={"id": {"S": "1"}})
    assert far.get_item(TableName=name, Key={"id": {"S": "1"}})["Item"] == {"id": {"S": "1"}}
    assert _code(near.describe_table, TableName="none")[0] == "ResourceNotFoundException"

    async def call() -> Any:
        return await attached.emulator.table.call("dynamodb", "Scan", {"TableName": name})

    assert attached.call(call)["Items"] == [{"id": {"S": "1"}}]
    listed = {each["service"]: each for each in attached.call(attached.emulator.table.describe)}
    assert listed["dynamodb"]["engine"] == running.url
    near.close()
    far.close()
    attached.stop()


def test_an_attached_endpoint_that_is_not_there_is_an_error_that_passes() -> None:
    alone = Running(
        Settings(port=0, engines={"dynamodb": "http://127.0.0.1:9"}), driver=ScriptedDriver()
    )
    client = alone.client("dynamodb")
    assert _code(client.list_tables)[0] in ("ServiceUnavailable", "503")
    client.close()
    alone.stop()
