"""What is kept of an API: changes of its parts build on each other, and hold once they are kept."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from emulator.model.errors import AwsError
from emulator.services.apigatewayv2.state import Api, ApiGateway


class Disk:
    """A disk that takes its time, and then may be full."""

    def __init__(self) -> None:
        self.free = asyncio.Event()
        self.full = False
        self.commits: list[tuple[Any, ...]] = []

    async def write(self, *changes: Any) -> None:
        await self.free.wait()
        if self.full:
            raise AwsError("ServiceException", "It was not kept", status=500)
        self.commits.append(changes)


async def test_a_change_builds_on_one_that_is_still_written() -> None:
    disk = Disk()
    parts: Any = SimpleNamespace(documents=disk, hosts=SimpleNamespace(apis=set()))
    kept = ApiGateway(parts)
    api = Api("000000000000", "us-east-1", {"ApiId": "a", "ProtocolType": "HTTP"})
    writing = asyncio.create_task(
        kept.put(api, "routes", "r", {"RouteId": "r", "RouteKey": "GET /", "one": 1})
    )
    await asyncio.sleep(0)
    after = {**api.held["routes"]["r"], "two": 2}
    assert after == {"RouteId": "r", "RouteKey": "GET /", "one": 1, "two": 2}
    disk.free.set()
    await writing
    disk.full = True
    with pytest.raises(AwsError, match="not kept"):
        await kept.put(api, "routes", "r", after)
    assert api.held["routes"] == {"r": {"RouteId": "r", "RouteKey": "GET /", "one": 1}}
    with pytest.raises(AwsError, match="not kept"):
        await kept.put(api, "routes", "new", {"RouteId": "new", "RouteKey": "GET /new"})
    assert "new" not in api.held["routes"]
    assert api.changes == 3


async def test_an_api_shows_its_change_before_it_is_kept_and_takes_it_back() -> None:
    disk = Disk()
    parts: Any = SimpleNamespace(documents=disk, hosts=SimpleNamespace(apis=set()))
    kept = ApiGateway(parts)
    place = ("000000000000", "us-east-1")
    before = {"ApiId": "a", "ProtocolType": "HTTP", "Name": "before"}
    disk.free.set()
    api = await kept.put_api(*place, before)
    disk.free.clear()
    writing = asyncio.create_task(kept.put_api(*place, {**before, "Name": "after"}))
    await asyncio.sleep(0)
    assert api.body["Name"] == "after"
    disk.full = True
    disk.free.set()
    with pytest.raises(AwsError, match="not kept"):
        await writing
    assert api.body == before


async def test_an_api_goes_with_its_parts_in_one_commit() -> None:
    disk = Disk()
    parts: Any = SimpleNamespace(documents=disk, hosts=SimpleNamespace(apis=set()))
    kept = ApiGateway(parts)
    disk.free.set()
    body = {"ApiId": "a", "ProtocolType": "HTTP"}
    api = await kept.put_api("000000000000", "us-east-1", body)
    for name in ("one", "two"):
        await kept.put(api, "routes", name, {"RouteId": name, "RouteKey": name})
    disk.full = True
    with pytest.raises(AwsError, match="not kept"):
        await kept.drop_api(api)
    assert set(kept.apis) == {"a"}
    assert set(api.held["routes"]) == {"one", "two"}
    disk.full = False
    disk.commits.clear()
    await kept.drop_api(api)
    assert [sorted(each.key for each in changes) for changes in disk.commits] == [
        ["a", "a/routes/one", "a/routes/two"]
    ]
    assert kept.apis == {}
