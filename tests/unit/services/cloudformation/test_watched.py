"""Calls remember what may have changed something."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, cast

import pytest

from emulator.model.errors import AwsError, LocalfaasError
from emulator.services.cloudformation.watched import Watched
from emulator.stack.kinds import Call

REFUSED = AwsError("ValidationException", "no")


class Service:
    """Answers, or raises what the request says."""

    account, region = "000000000000", "us-east-1"

    async def __call__(self, service: str, operation: str, request: Mapping[str, Any]) -> Any:
        if "error" in request:
            raise request["error"]
        return {}

    def at(self, region: str) -> Service:
        return self


@pytest.mark.parametrize(
    ("operation", "error", "noted"),
    [
        ("GetThing", None, []),
        ("GetThing", AwsError("InternalError", "", status=500), []),
        ("PutThing", None, ["PutThing"]),
        ("PutThing", REFUSED, []),
        ("PutThing", AwsError("Throttling", "no", status=429), []),
        ("PutThing", AwsError("InternalError", "", status=500), ["PutThing"]),
        ("PutThing", AwsError("ServiceException", "the disk is full"), ["PutThing"]),
        ("PutThing", LocalfaasError("gone"), ["PutThing"]),
        ("PutThing", TimeoutError(), ["PutThing"]),
    ],
)
async def test_what_may_have_changed_something(
    operation: str, error: Exception | None, noted: list[str]
) -> None:
    call = Watched(cast(Call, Service()))
    for each in (call, call.at("eu-central-1")):
        with suppress(LocalfaasError, TimeoutError):
            await each("service", operation, {} if error is None else {"error": error})
    assert call.changes == noted * 2
