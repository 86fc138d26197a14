"""What a service's operations are called in policies, and what they are done to.

A service states its own in ``authorization.py`` of its folder; only ``--strict-auth`` reads it. A
service without one is done to everything (``*``), by the operations' own names.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from emulator.services.context import Context

#: (context, request) → the ARNs of what an operation is done to.
Resources = Callable[[Context, Mapping[str, Any]], Sequence[str]]
#: (context, ARN) → the resource's own policy; None without one.
ReadPolicy = Callable[[Context, str], Awaitable[Mapping[str, Any] | None]]
#: (context, request) → values of the service's own condition keys, by their names in lower case.
Keys = Callable[[Context, Mapping[str, Any]], Mapping[str, str]]


def _everything(ctx: Context, request: Mapping[str, Any]) -> Sequence[str]:
    return ["*"]


def _nothing(ctx: Context, request: Mapping[str, Any]) -> Mapping[str, str]:
    return {}


async def _none(ctx: Context, resource: str) -> Mapping[str, Any] | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How one service's requests are authorized.

    Attributes:
        prefix: What comes before the colon in actions.
        actions: Operations by their wire names whose actions have another name; several where one
            operation needs all of them.
        resources: What an operation is done to.
        policy: Reads a resource's own policy.
        keys: Values of condition keys of its own.
        denied: The code of its refusals; "" for the usual one of its protocol.
        mismatched: The code for a signature that is wrong.
        anonymous: Requests without a signature are for it, too.
        unsigned: Operations that whoever does not sign may ask for.
        signs_paths_as_sent: Signatures are of the path as it was sent; others escape it again.
        quotes: Refusals have resources in quotation marks.
    """

    prefix: str
    actions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    resources: Resources = _everything
    policy: ReadPolicy = _none
    keys: Keys = _nothing
    denied: str = ""
    mismatched: str = "InvalidSignatureException"
    anonymous: bool = False
    unsigned: frozenset[str] = frozenset()
    signs_paths_as_sent: bool = False
    quotes: bool = False

    def actions_of(self, operation: str) -> Iterator[str]:
        """Yield the actions that an operation needs."""
        for name in self.actions.get(operation, (operation,)):
            yield f"{self.prefix}:{name}"


def named(
    service: str, members: Mapping[str, str], *, regional: bool = True, anywhere: str = "*"
) -> Resources:
    """Return what finds the resource that a request names.

    Args:
        service: The service's name in ARNs.
        members: What the request names it by, with the form of the rest of its ARN: ``table/{}``.
            The first member that is there counts; a value that is an ARN is one.
        regional: Its ARNs have region and account.
        anywhere: For requests that name nothing.
    """

    def find(ctx: Context, request: Mapping[str, Any]) -> Sequence[str]:
        where = f"{ctx.region}:{ctx.account}" if regional else ":"
        for member, form in members.items():
            value = request.get(member)
            if value:
                text = str(value)
                if text.startswith("arn:"):
                    return [text]
                return [f"arn:aws:{service}:{where}:{form.format(text)}"]
        return [anywhere]

    return find
