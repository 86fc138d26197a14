"""The admin API's way to check whether a function's calls know of each other."""

from __future__ import annotations

import orjson
from fastapi import FastAPI, HTTPException, Request
from pydantic import BaseModel

from emulator.edge.admin.resending import Sender
from emulator.edge.admin.views import PREFIX
from emulator.invoke import statelessness
from emulator.invoke.probing import Probe
from emulator.invoke.twice import Twice
from emulator.model.errors import AwsError, ConfigurationError, DriverFault
from emulator.model.function import LATEST
from emulator.services.context import Parts

#: Events of one check: each is called ten times or so.
_MOST = 50


class FindingView(BaseModel):
    """Something that a call leaves to the next."""

    #: "leak" or "note".
    severity: str
    what: str


class CheckView(BaseModel):
    """What a check has found."""

    function: str
    version: str
    events: int
    #: Whether more than the answers was looked at.
    looks_inside: bool
    findings: list[FindingView]
    #: Where events were delivered twice ("asynchronous", a queue's name, "stream/NAME" or
    #: "table/NAME"), and how many.
    delivered_twice: dict[str, int]


def add(app: FastAPI, parts: Parts) -> None:
    """Add the routes."""

    @app.post(
        f"{PREFIX}/check",
        summary="See what leaks from call to call",
        responses={400: {}, 404: {}, 409: {}},
    )
    async def check(
        request: Request,
        function: str,
        qualifier: str = LATEST,
        account: str | None = None,
        region: str | None = None,
        twice: bool = False,
        seed: int = 0,
    ) -> CheckView:
        """Call a function with the events of the body, a JSON array, and compare.

        In fresh environments, in one that is reused, and in one in which what calls leave is
        spoiled; with ``twice``, each event is delivered twice as well, out of order: as an
        asynchronous event, and messages and records by the queue or stream that feeds the
        function, where one does. The calls are real, and so are their effects.
        """
        events = _events(await request.body())
        try:
            version = parts.registry.resolve(
                account or parts.table.account, region or parts.table.region, function, qualifier
            )
            probe = Probe(parts.pools, version, events)
            sender = Sender(parts, version, qualifier, events)
            deliveries = None
            if twice:
                rounds = sender.rounds()
                deliveries = Twice(probe, parts.functions, version, rounds, parts.clock, seed)
            found = await statelessness.check(probe, deliveries)
        except AwsError as error:
            status = 404 if error.code == "ResourceNotFoundException" else 409
            raise HTTPException(status, error.message) from error
        except (ConfigurationError, DriverFault) as error:
            raise HTTPException(409, str(error)) from error
        return CheckView(
            function=version.name,
            version=version.version,
            events=len(events),
            looks_inside=probe.looks_inside,
            findings=[FindingView(severity=each.severity, what=each.what) for each in found],
            delivered_twice=dict(sender.sent),
        )


def _events(body: bytes) -> list[bytes]:
    try:
        events = orjson.loads(body or b"[{}]")
    except orjson.JSONDecodeError as error:
        raise HTTPException(400, f"the events are not valid JSON: {error}") from error
    if not isinstance(events, list) or not 1 <= len(events) <= _MOST:
        raise HTTPException(400, f"the events are a JSON array of 1 to {_MOST}")
    return [orjson.dumps(event) for event in events]
