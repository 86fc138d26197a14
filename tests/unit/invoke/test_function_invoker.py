"""What is checked of every call, whoever makes it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest

from emulator.invoke.function_invoker import FunctionInvoker, Unready
from emulator.model.errors import AwsError
from emulator.model.function import FunctionVersion
from emulator.registry.function import Function
from tests.unit.invoke.conftest import World

ACCOUNT, REGION = "000000000000", "us-east-1"
ISOLATED = {"TenancyConfig": {"TenantIsolationMode": "PER_TENANT"}}
MANAGED = {
    "CapacityProviderConfig": {
        "LambdaManagedInstancesCapacityProviderConfig": {
            "CapacityProviderArn": "arn:aws:lambda:us-east-1:000000000000:capacity-provider:p"
        }
    }
}
KINDS: tuple[Unready, ...] = get_args(Unready)


@pytest.fixture
def functions(world: World) -> FunctionInvoker:
    return world.functions


async def refusal(functions: FunctionInvoker, *arguments: Any, **named: Any) -> AwsError:
    with pytest.raises(AwsError) as raised:
        await functions.prepare(ACCOUNT, REGION, *arguments, **named)
    return raised.value


@pytest.mark.parametrize("unready", KINDS)
async def test_every_caller_is_checked_alike(
    world: World, functions: FunctionInvoker, unready: Unready
) -> None:
    world.function("hello")
    world.function("isolated", settings=ISOLATED)
    world.function("managed", settings=MANAGED)
    for arguments, named, code in (
        (("hello", None, b"x" * 11), {"limit": 10}, "RequestEntityTooLargeException"),
        (("nobody", None, b"{}"), {}, "ResourceNotFoundException"),
        (("hello", "7", b"{}"), {}, "ResourceNotFoundException"),
        (("hello", None, b"{"), {}, "InvalidRequestContentException"),
        (("isolated", None, b"{}"), {}, "InvalidParameterValueException"),
        (("hello", None, b"{}"), {"tenant_id": "a"}, "InvalidParameterValueException"),
        (("managed", None, b"{}"), {}, "NoPublishedVersionException"),
    ):
        refused = await refusal(functions, *arguments, **named, unready=unready)
        assert refused.code == code, (arguments, refused)


async def test_what_a_function_is_told(world: World, functions: FunctionInvoker) -> None:
    function = world.function("hello")
    version = function.versions["1"] = replace(function.latest, version="1")
    prepared = await functions.prepare(ACCOUNT, REGION, "hello", "1", b"")
    assert prepared.version is version
    assert prepared.invocation.payload == b"{}"
    assert prepared.invocation.invoked_arn == f"{version.function_arn}:1"
    assert prepared.invocation.trace_id.startswith("Root=1-")
    assert len(prepared.invocation.request_id) == 36
    assert (await functions.invoke(prepared)).payload == b'{"done": {}}'


@pytest.mark.parametrize("state", ["Pending", "Failed", "Deactivated"])
async def test_a_version_that_is_not_ready(
    world: World, functions: FunctionInvoker, state: str
) -> None:
    world.function("hello", state=state, state_reason="No such image.")
    asked: list[str] = []

    async def make_ready(function: Function, version: FunctionVersion) -> None:
        asked.append(version.state)

    functions.on_unready.append(make_ready)
    text = "following state: " + (f"{state}. No such image." if state == "Failed" else state)
    for unready in ("wait", "refuse"):
        refused = await refusal(functions, "hello", None, b"{}", unready=unready)
        assert refused.code == "ResourceConflictException"
        assert refused.message.endswith(text)
    # Who comes again does not wait; but what failed is tried again, as nothing else would.
    assert asked == [state] * (2 if state == "Failed" else 1)
    accepted = await functions.prepare(ACCOUNT, REGION, "hello", None, b"{}", unready="accept")
    assert accepted.version.state == state


async def test_a_version_that_becomes_ready_runs(world: World, functions: FunctionInvoker) -> None:
    world.function("hello", state="Pending")

    async def make_ready(function: Function, version: FunctionVersion) -> None:
        function.latest = replace(version, state="Active")

    functions.on_unready.append(make_ready)
    prepared = await functions.prepare(ACCOUNT, REGION, "hello", None, b"1")
    assert prepared.version.state == "Active"
    assert (await functions.invoke(prepared)).payload == b'{"done": 1}'


async def test_no_caller_brings_headers_of_the_runtime_api(
    world: World, functions: FunctionInvoker
) -> None:
    """A message's trace header, and what a workflow names a tenant, may be any text."""
    world.function("hello")
    world.function("isolated", settings=ISOLATED)
    evil = "Root=1-0\r\nLambda-Runtime-Aws-Request-Id: another"
    prepared = await functions.prepare(ACCOUNT, REGION, "hello", None, b"{}", trace_id=evil)
    assert prepared.invocation.trace_id.isprintable()
    assert prepared.invocation.trace_id.startswith("Root=1-")
    error = await refusal(functions, "isolated", None, b"{}", tenant_id="a\r\nX: y")
    assert error.code == "InvalidParameterValueException"
    assert await functions.prepare(ACCOUNT, REGION, "isolated", None, b"{}", tenant_id="a b@c")
