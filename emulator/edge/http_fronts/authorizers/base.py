"""What an authorizer finds: a caller, or a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A caller who may call."""

    #: What the event's ``requestContext.authorizer`` has in it, in the words of the payload.
    authorizer: Mapping[str, Any] = field(default_factory=dict)
    #: Whom the authorizer named; "" where it names nobody.
    principal: str = ""
    #: The API key for usage plans that the authorizer returned.
    usage_key: str = ""
    #: The caller's account; "" for callers who are not signed.
    account: str = ""


class Refused(Exception):
    """The caller may not call.

    Args:
        status: 401: nothing says who calls, or it is not believed; 403: who calls may not; 500:
            the authorizer failed.
        reason: Why, for logs and for who debugs; clients get AWS's words for the status.
        policy_denied: A policy denies it explicitly (True), or just does not allow it (False).
    """

    def __init__(self, status: int, reason: str, *, policy_denied: bool = False) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.policy_denied = policy_denied
