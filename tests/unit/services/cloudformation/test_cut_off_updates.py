"""What a cut-off update had done counts as done; what others did meanwhile does not."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

from emulator.model.errors import AwsError
from emulator.services.cloudformation.stack import Resource, Stack
from emulator.services.cloudformation.toolbox import Toolbox
from emulator.services.cloudformation.updating import UpdatingWork
from emulator.stack.kinds import Call, Made, Reading, ServiceKind, Wanted

BEFORE = {"Plain": 1}
WANTED = {"Plain": 2, "Index": "own"}


class Service:
    """A service whose resource has a value, and an index that can be made once."""

    account, region = "000000000000", "us-east-1"

    def __init__(self, **there: Any) -> None:
        self.there = {"Plain": 1, **there}
        self.exists = True

    async def __call__(self, service: str, operation: str, request: Mapping[str, Any]) -> Any:
        if not self.exists:
            raise AwsError("NotFound", "no such thing", status=404)
        if operation == "Get":
            return dict(self.there)
        if operation == "MakeIndex" and "Index" in self.there:
            raise AwsError("ResourceInUse", "there is an index already", status=400)
        self.there |= request
        return {}


class Indexed(ServiceKind):
    async def create(self, call: Call, wanted: Wanted) -> Made:
        raise NotImplementedError

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        raise NotImplementedError

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        for name, operation in (("Index", "MakeIndex"), ("Plain", "Put")):
            if before.get(name) != wanted.properties.get(name):
                await call("service", operation, {name: wanted.properties[name]})
        return made


class Read(Indexed):
    reading = Reading(service="service", get="Get", member="Id")


async def _update(service: Service, kind: ServiceKind, *, cut_off: bool = True) -> None:
    tools = SimpleNamespace(call=lambda *_: service, store=None, kinds=None)
    stack = Stack(name="s", stack_id="id", account="000000000000", region="us-east-1")
    work = UpdatingWork(cast(Toolbox, tools), stack)
    resource = Resource(logical="R", kind="Test::Kind", physical="r")
    wanted = work.wanted(resource, WANTED)
    await work._make_so(cast(Call, service), kind, resource, BEFORE, wanted, cut_off=cut_off)


@pytest.mark.parametrize("kind", [Indexed(), Read()])
async def test_a_step_that_was_done_is_done(kind: ServiceKind) -> None:
    service = Service(Index="own")
    await _update(service, kind)
    assert service.there == WANTED


async def test_what_somebody_else_made_is_a_clash() -> None:
    service = Service(Index="another's")
    with pytest.raises(AwsError, match="there is an index already"):
        await _update(service, Read())
    assert service.there == {"Plain": 2, "Index": "another's"}


async def test_nothing_is_forgiven_where_nothing_was_cut_off() -> None:
    with pytest.raises(AwsError, match="there is an index already"):
        await _update(Service(Index="own"), Read(), cut_off=False)


async def test_a_resource_that_is_gone_is_gone() -> None:
    service = Service()
    service.exists = False
    with pytest.raises(AwsError, match="no such thing"):
        await _update(service, Read())
