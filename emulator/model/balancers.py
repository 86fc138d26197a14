"""A load balancer in front of a function, as its user asks for it."""

from __future__ import annotations

from typing import NamedTuple


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
    port, equals, rest = text.partition("=")
    target, *options = rest.split(",")
    name, _, qualifier = target.partition(":")
    if not (equals and name and port.isdecimal() and int(port) < 65536):
        return None
    multi_value, health = False, ""
    for each in options:
        key, _, value = each.partition("=")
        if each == "multi-value":
            multi_value = True
        elif key == "health" and value.startswith("/"):
            health = value
        else:
            return None
    return Balancer(int(port), name, qualifier or None, multi_value, health)
