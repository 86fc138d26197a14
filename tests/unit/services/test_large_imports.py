"""Definitions of thousands of paths: the work grows with them, not with their square."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from emulator.services.apigateway.openapi.importing import Importer
from emulator.services.apigateway.openapi.reading import Document
from emulator.services.apigateway.rest_apis import new_api
from emulator.services.apigatewayv2.state import Api


def definition(count: int) -> dict[str, Any]:
    mock = {"type": "mock"}
    operation = {"responses": {"200": {}}, "x-amazon-apigateway-integration": mock}
    location = {"type": "METHOD", "method": "GET"}
    return {
        "openapi": "3.0.1",
        "info": {"title": "t", "version": "1"},
        "paths": {f"/p{each}/{{id}}": {"get": operation} for each in range(count)},
        "components": {"schemas": {f"M{each}": {"type": "object"} for each in range(count)}},
        "x-amazon-apigateway-documentation": {
            "documentationParts": [
                {"location": {**location, "path": f"/p{each}"}, "properties": {"description": "d"}}
                for each in range(count)
            ]
        },
    }


def imported(count: int) -> dict[str, Any]:
    given = {"name": "t", "endpointConfiguration": {}}
    api = new_api(given, 0.0, "abc", models=False)
    return Importer(Document(definition(count)), api, {}).result()[0]


def calls(count: int) -> int:
    """Return how many calls of functions an import takes, those of C among them."""
    made = 0

    def note(frame: Any, event: str, argument: Any) -> None:
        nonlocal made
        made += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        imported(count)
    finally:
        sys.setprofile(before)
    return made


def test_the_work_grows_with_the_paths() -> None:
    calls(10)  # what is worked out once
    few, many = calls(100), calls(400)
    assert many < 4.5 * few


def test_all_of_it_is_there() -> None:
    api = imported(300)
    paths = {each["path"] for each in api["resources"].values()}
    assert len(paths) == 601
    assert {"/", "/p299", "/p299/{id}"} <= paths
    assert sum(len(each.get("methods") or {}) for each in api["resources"].values()) == 300
    assert (len(api["models"]), len(api["documentation"])) == (300, 300)
    assert "authorizers" not in api


def test_what_was_there_is_not_touched() -> None:
    before = imported(2)
    shown = {key: dict(value) for key, value in before.items() if isinstance(value, dict)}
    after = Importer(Document(definition(4)), before, {}).result()[0]
    assert {key: value for key, value in before.items() if isinstance(value, dict)} == shown
    assert len(after["resources"]) == 9
    assert shown["resources"].keys() < after["resources"].keys()
    assert shown["documentation"].keys() < after["documentation"].keys()


def test_routes_are_found_by_their_keys() -> None:
    api = Api("1", "r", {"ApiId": "a", "ProtocolType": "HTTP"})
    held = api.held["routes"]
    held["x"] = {"RouteId": "x", "RouteKey": "GET /a"}
    held["y"] = {"RouteId": "y", "RouteKey": "GET /b"}
    held["x"] = {"RouteId": "x", "RouteKey": "GET /c"}
    assert [api.route_id(key) for key in ("GET /a", "GET /b", "GET /c")] == [None, "y", "x"]
    held.pop("y")
    assert held.pop("y", None) is None
    with pytest.raises(KeyError):
        held.pop("y")
    assert api.route_id("GET /b") is None
    assert api.route_id("GET /c") == "x"
