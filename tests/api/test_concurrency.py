"""Concurrency as callers meet it: reserved, provisioned, shared, and how fast it grows."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.pool.placement import ScalingRate
from emulator.testing import RuntimeClient
from tests.api.conftest import Running, create

_RESERVED = "ReservedFunctionConcurrentInvocationLimitExceeded"
_SHARED = "ConcurrentInvocationLimitExceeded"


class Holding:
    """Runtimes that keep every invocation until they are let go."""

    def __init__(self, running: Running) -> None:
        self.running, self.client = running, running.client("lambda")
        #: The initialization type of the environment of each call, in the order they began.
        self.begun: list[str] = []
        self._news: SimpleQueue[str] = SimpleQueue()
        self._go = asyncio.Event()
        running.scripted_driver.script = self._script

    async def _script(self, runtime: RuntimeClient) -> None:
        while True:
            request_id, payload = await runtime.next()
            self._news.put(runtime.environ["AWS_LAMBDA_INITIALIZATION_TYPE"])
            await self._go.wait()
            await runtime.respond(request_id, payload)

    @contextmanager
    def calls(self, *qualifiers: str) -> Iterator[None]:
        """Hold a call of each of these until the end of the block."""
        go, before = asyncio.Event(), self._go
        self._go = go
        with ThreadPoolExecutor(len(qualifiers)) as threads:
            held = []
            for qualifier in qualifiers:
                held.append(threads.submit(self._call, qualifier))
                self.begun.append(self._news.get(timeout=60))
            try:
                yield
            finally:
                self.running.call(go.set)
                self._go = before
                assert [each.result() for each in held] == [b"{}"] * len(held)

    def _call(self, qualifier: str) -> bytes:
        return self.client.invoke(FunctionName="hello", Qualifier=qualifier)["Payload"].read()

    def throttled(self, qualifier: str = "$LATEST") -> str:
        """Return the Reason with which a call is refused."""
        with pytest.raises(self.client.exceptions.TooManyRequestsException) as raised:
            self._call(qualifier)
        assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
        assert raised.value.response["Error"]["Message"] == "Rate Exceeded."
        return raised.value.response["Reason"]


@pytest.fixture
def held(scripted: Running) -> Holding:
    client = scripted.client("lambda")
    create(client)
    client.publish_version(FunctionName="hello")
    return Holding(scripted)


def _provision(client: Any, count: int, qualifier: str = "1") -> None:
    one = {"FunctionName": "hello", "Qualifier": qualifier}
    client.put_provisioned_concurrency_config(**one, ProvisionedConcurrentExecutions=count)
    while client.get_provisioned_concurrency_config(**one)["Status"] == "IN_PROGRESS":
        pass
    assert client.get_provisioned_concurrency_config(**one)["Status"] == "READY"


def test_a_reservation_of_nothing_runs_nothing(held: Holding) -> None:
    held.client.put_function_concurrency(FunctionName="hello", ReservedConcurrentExecutions=0)
    assert held.throttled() == _RESERVED


def test_a_reservation_is_for_all_versions_together(held: Holding) -> None:
    held.client.put_function_concurrency(FunctionName="hello", ReservedConcurrentExecutions=2)
    with held.calls("$LATEST", "1"):
        assert held.throttled() == _RESERVED
        assert held.throttled("1") == _RESERVED
    held.client.delete_function_concurrency(FunctionName="hello")
    with held.calls("$LATEST", "1", "1"):
        pass


def test_provisioned_concurrency_is_taken_off_the_reservation(held: Holding) -> None:
    _provision(held.client, 1)
    held.client.put_function_concurrency(FunctionName="hello", ReservedConcurrentExecutions=2)
    # One of the two is set aside for version 1: the other is anybody's, spill-over included.
    with held.calls("$LATEST"):
        assert held.throttled() == _RESERVED
        with held.calls("1"):
            assert held.begun == ["on-demand", "provisioned-concurrency"]
            assert held.throttled("1") == _RESERVED
    with held.calls("1", "1"):
        assert held.begun[2:] == ["provisioned-concurrency", "on-demand"]
        assert held.throttled() == _RESERVED


def test_provisioned_concurrency_is_taken_off_what_functions_share(held: Holding) -> None:
    def shared() -> int:
        return held.client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]

    held.running.emulator.admission.limit = 103
    _provision(held.client, 2)
    assert shared() == 101
    held.running.emulator.admission.limit = 3
    with held.calls("$LATEST"):
        assert held.throttled() == _SHARED
        with held.calls("1", "1"):
            assert held.begun[1:] == ["provisioned-concurrency"] * 2
            assert held.throttled("1") == _SHARED
    held.client.delete_provisioned_concurrency_config(FunctionName="hello", Qualifier="1")
    assert shared() == 3
    with held.calls("$LATEST", "$LATEST", "1"):
        assert held.throttled("1") == _SHARED


def test_a_hundred_is_left_for_those_without_a_reservation(held: Holding) -> None:
    with pytest.raises(ClientError, match=r"below its minimum value of \[100\]") as raised:
        held.client.put_function_concurrency(FunctionName="hello", ReservedConcurrentExecutions=901)
    assert raised.value.response["Error"]["Code"] == "InvalidParameterValueException"
    held.client.put_function_concurrency(FunctionName="hello", ReservedConcurrentExecutions=900)
    create(held.client, "other")
    with pytest.raises(ClientError, match="below its minimum value"):
        held.client.put_function_concurrency(FunctionName="other", ReservedConcurrentExecutions=1)


def test_a_function_that_is_deleted_gives_its_concurrency_back(held: Holding) -> None:
    _provision(held.client, 2)
    held.client.put_function_concurrency(FunctionName="hello", ReservedConcurrentExecutions=7)
    create(held.client, "other")
    held.client.delete_function(FunctionName="hello")
    settings = held.client.get_account_settings()
    assert settings["AccountLimit"]["UnreservedConcurrentExecutions"] == 1000


def test_a_version_that_is_deleted_gives_its_provisioned_concurrency_back(held: Holding) -> None:
    _provision(held.client, 2)
    held.client.delete_function(FunctionName="hello", Qualifier="1")
    settings = held.client.get_account_settings()
    assert settings["AccountLimit"]["UnreservedConcurrentExecutions"] == 1000
    configs = held.client.list_provisioned_concurrency_configs(FunctionName="hello")
    assert configs["ProvisionedConcurrencyConfigs"] == []


def test_a_failing_init_fails_the_provisioning(held: Holding) -> None:
    async def fails(runtime: RuntimeClient) -> None:
        return None

    held.running.scripted_driver.script = fails
    one = {"FunctionName": "hello", "Qualifier": "1"}
    held.client.put_provisioned_concurrency_config(**one, ProvisionedConcurrentExecutions=2)
    while True:
        found = held.client.get_provisioned_concurrency_config(**one)
        if found["Status"] != "IN_PROGRESS":
            break
    assert (found["Status"], found["StatusReason"]) == ("FAILED", "FUNCTION_ERROR_INIT_FAILURE")
    assert found["AvailableProvisionedConcurrentExecutions"] == 0


def test_environments_come_no_faster_than_the_scaling_rate(held: Holding) -> None:
    pools = held.running.emulator.pools
    pools.settings = dataclasses.replace(
        pools.settings, scaling=ScalingRate(burst=2, per_second=0.001)
    )
    with held.calls("$LATEST", "1"):
        assert held.throttled() == "FunctionInvocationRateLimitExceeded"
    with held.calls("$LATEST", "1"):
        pass


def test_a_missing_function_is_named_as_aws_names_it(scripted: Running) -> None:
    client = scripted.client("lambda")
    arn = "arn:aws:lambda:us-east-1:000000000000:function:missing"

    def said(operation: str, **request: Any) -> str:
        with pytest.raises(ClientError) as caught:
            getattr(client, operation)(FunctionName="missing", **request)
        error = caught.value.response["Error"]
        assert error["Code"] == "ResourceNotFoundException"
        return error["Message"]

    found = said("put_function_concurrency", ReservedConcurrentExecutions=1)
    assert found == f"Function not found: {arn}:$LATEST"
    for operation in ("get_function_concurrency", "delete_function_concurrency"):
        assert said(operation) == f"Function not found: {arn}"
    for operation in ("put", "get", "delete"):
        extra = {"ProvisionedConcurrentExecutions": 1} if operation == "put" else {}
        name = f"{operation}_provisioned_concurrency_config"
        found = said(name, Qualifier="noalias", **extra)
        assert found == f"Cannot find alias arn: {arn}:noalias"
        assert said(name, Qualifier="1", **extra) == f"Function not found: {arn}:1"
