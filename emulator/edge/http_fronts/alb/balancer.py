"""A load balancer in front of a function, as its user asks for it."""

from __future__ import annotations

from typing import NamedTuple

from emulator.settings import BALANCER


class Balancer(NamedTuple):
    """A load balancer: a port, and the function that it leads to."""

    port: int
    function: str
    #: A version or an alias; None for neither.
    qualifier: str | None
    #: Headers and parameters come with all their values.
    multi_value: bool
    #: Where health is checked; "" for nowhere.
    health_path: str


def parse_balancer(text: str) -> Balancer | None:
    """Return the load balancer that ``PORT=FUNCTION[:ALIAS][,multi-value][,health=/PATH]`` means.

    None: it means none.
    """
    match = BALANCER.fullmatch(text)
    if match is None:
        return None
    return Balancer(
        int(match["port"]),
        match["name"],
        match["qualifier"],
        match["many"] is not None,
        match["health"] or "",
    )
