"""Cross-origin requests: which rule of a bucket allows one, and the headers that say so. Pure.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ManageCorsUsing.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

#: The kind of the bucket's document.
KIND = "cors"
Headers = list[tuple[bytes, bytes]]
_VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"


class Allowance(NamedTuple):
    """What a bucket allows pages of an origin."""

    rule: Mapping[str, Any]
    #: "*", or the origin itself.
    origin: str
    #: Those that a preflight asked for, in lower case.
    headers: tuple[str, ...]


def allow(
    rules: Sequence[Mapping[str, Any]], origin: str, method: str, wanted: str = ""
) -> Allowance | None:
    """Return what the first rule that allows a request says; None where none does.

    Args:
        rules: The bucket's, in their order.
        origin: The page's.
        method: Of the request, or the one that a preflight asks for.
        wanted: The header ``Access-Control-Request-Headers`` of a preflight.
    """
    names = tuple(name.strip().lower() for name in wanted.split(",") if name.strip())
    for rule in rules:
        allowed = rule.get("AllowedOrigins") or ()
        if method not in (rule.get("AllowedMethods") or ()):
            continue
        matching = next((each for each in allowed if matches(each, origin)), None)
        patterns = [each.lower() for each in rule.get("AllowedHeaders") or ()]
        if matching is not None and all(
            any(matches(pattern, name) for pattern in patterns) for name in names
        ):
            return Allowance(rule, "*" if matching == "*" else origin, names)
    return None


def matches(pattern: str, text: str) -> bool:
    """Say whether a text is what a pattern with at most one ``*`` stands for."""
    head, star, tail = pattern.partition("*")
    if not star:
        return pattern == text
    return len(text) >= len(head) + len(tail) and text.startswith(head) and text.endswith(tail)


def headers_of(allowance: Allowance) -> Headers:
    """Return the headers of an answer to a request that is allowed."""
    rule = allowance.rule
    found = {"access-control-allow-origin": allowance.origin}
    found["access-control-allow-methods"] = ", ".join(rule.get("AllowedMethods") or ())
    if allowance.headers:
        found["access-control-allow-headers"] = ", ".join(allowance.headers)
    if rule.get("ExposeHeaders"):
        found["access-control-expose-headers"] = ", ".join(rule["ExposeHeaders"])
    if rule.get("MaxAgeSeconds") is not None:
        found["access-control-max-age"] = str(rule["MaxAgeSeconds"])
    if allowance.origin != "*":
        found["access-control-allow-credentials"] = "true"
    found["vary"] = _VARY
    return [(name.encode(), value.encode("latin-1", "replace")) for name, value in found.items()]
