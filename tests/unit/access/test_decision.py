"""What policies add up to."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.access.decision import EVERYTHING, Asked, Granted, decide, decide_across

ROLE = "arn:aws:iam::111111111111:role/r"
SESSION = "arn:aws:sts::111111111111:assumed-role/r/s"


def policy(effect: str, **more: Any) -> dict[str, Any]:
    return {"Statement": [{"Effect": effect, "Action": "sqs:*", "Resource": "*", **more}]}


def asked(own: dict[str, Any] | None = None) -> Asked:
    return Asked(
        action="sqs:SendMessage", resource="arn:aws:sqs:us-east-1:111111111111:q",
        principals=[ROLE, SESSION, "111111111111"], policy=own,
    )  # fmt: skip


ALLOW, DENY = policy("Allow"), policy("Deny")
OTHER = policy("Allow", Action="s3:*")
TO_ROLE = policy("Allow", Principal={"AWS": ROLE})
TO_SESSION = policy("Allow", Principal={"AWS": SESSION})


@pytest.mark.parametrize(
    ("granted", "own", "reason"),
    [
        (Granted(identity=[ALLOW]), None, ""),
        (Granted(), None, "because no identity-based policy allows"),
        (Granted(identity=[EVERYTHING]), None, ""),
        (Granted(identity=[ALLOW, DENY]), None, "with an explicit deny in an identity-based"),
        (Granted(identity=[ALLOW], boundary=OTHER), None, "because no permissions boundary allows"),
        (Granted(identity=[ALLOW], boundary=DENY), None, "explicit deny in a permissions boundary"),
        (Granted(identity=[ALLOW], session=[ALLOW]), None, ""),
        (Granted(identity=[ALLOW], session=[OTHER]), None, "because no session policy allows"),
        (Granted(identity=[ALLOW], session=[]), None, "because no session policy allows"),
        (Granted(identity=[ALLOW], session=[DENY]), None, "with an explicit deny in a session"),
        (Granted(session=[ALLOW]), None, "because no identity-based policy allows"),
        # A resource's own policy needs no other, but bounds of the session stay.
        (Granted(), TO_ROLE, ""),
        (Granted(identity=[ALLOW]), policy("Deny", Principal="*"), "deny in a resource-based"),
        (Granted(session=[ALLOW], session_arn=SESSION), TO_ROLE, ""),
        (Granted(session=[OTHER], session_arn=SESSION), TO_ROLE, "because no identity-based"),
        # One that names the session itself lets it pass.
        (Granted(session=[OTHER], session_arn=SESSION), TO_SESSION, ""),
    ],
)
def test_within_an_account(granted: Granted, own: Any, reason: str) -> None:
    decision = decide(granted, asked(own))
    assert decision.allowed == (not reason)
    assert reason in decision.reason


@pytest.mark.parametrize(
    ("granted", "own", "reason"),
    [
        (Granted(identity=[EVERYTHING]), TO_ROLE, ""),
        (Granted(identity=[EVERYTHING]), None, "because no resource-based policy allows"),
        (Granted(), TO_ROLE, "because no identity-based policy allows"),
        (Granted(identity=[EVERYTHING]), policy("Deny", Principal="*"), "explicit deny"),
    ],
)
def test_between_accounts_both_sides_allow(granted: Granted, own: Any, reason: str) -> None:
    decision = decide_across(granted, asked(own))
    assert decision.allowed == (not reason)
    assert reason in decision.reason
