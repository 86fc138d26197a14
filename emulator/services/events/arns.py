"""ARNs of EventBridge: buses, rules, archives, replays, connections, API destinations."""

from __future__ import annotations

from typing import NamedTuple

from emulator.services.context import Context

DEFAULT = "default"


class BusPlace(NamedTuple):
    """Where a bus is."""

    account: str
    region: str
    name: str

    @property
    def arn(self) -> str:
        return f"arn:aws:events:{self.region}:{self.account}:event-bus/{self.name}"


class Parsed(NamedTuple):
    """The parts of an ARN."""

    service: str
    region: str
    account: str
    #: What follows the account: "rule/bus/name".
    resource: str


def parse(arn: str) -> Parsed | None:
    """Return the parts of an ARN; None: it is none."""
    parts = arn.split(":", 5)
    if len(parts) < 6 or parts[0] != "arn" or not parts[2]:
        return None
    return Parsed(*parts[2:])


def bus_of(ctx: Context, given: str | None) -> BusPlace:
    """Return where a bus is that a request names, by name or ARN; without, the default one."""
    return bus_at(given or DEFAULT, ctx.account, ctx.region)


def bus_at(given: str, account: str, region: str) -> BusPlace:
    """Return where a bus is, by name or ARN.

    Args:
        given: The name or ARN.
        account: Of a bus that is only named.
        region: Likewise.
    """
    parsed = parse(given)
    if parsed is None:
        return BusPlace(account, region, given)
    return BusPlace(parsed.account, parsed.region, parsed.resource.partition("/")[2])


def rule_arn(bus: BusPlace, name: str) -> str:
    """Return the ARN of a rule."""
    within = name if bus.name == DEFAULT else f"{bus.name}/{name}"
    return f"arn:aws:events:{bus.region}:{bus.account}:rule/{within}"


def arn_of(ctx: Context, resource: str) -> str:
    """Return the ARN of a resource of the caller's ("archive/orders")."""
    return f"arn:aws:events:{ctx.region}:{ctx.account}:{resource}"
