"""Temporary credentials that say themselves whose they are: nothing of them is stored.

As on AWS, an access key holds its account's number (its first 48 bits), and the session token the
caller's identity, its end, and the key that it was issued with. Neither signatures nor those are
checked but under ``--strict-auth``: a key chooses an account, as one of 12 digits does, and a token
names who asks. So credentials work over restarts, and their number has no limit. Keys of other
makers, a user's real ones too, are none of ours: 16 bits of a key are a checksum.

Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetAccessKeyInfo.html, and
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html for the prefixes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import secrets
import zlib
from dataclasses import dataclass

from emulator.model.arn import PARTITION

#: What the access keys of temporary credentials begin with.
_TEMPORARY = "ASIA"
#: What AWS's own session tokens begin with, in bytes and in base64.
_TOKEN_HEAD = b"!\n\torigin_ec"
#: What the access keys of users begin with.
USER_PREFIX = "AKIA"
_ACCOUNT_SHIFT = 7
_ACCOUNT_MASK = (1 << 40) - 1
#: The most bytes of what a token says, with 2,048 characters of session policies.
_LARGEST_IDENTITY = 16384
#: The highest bit of today's access keys.
_RECENT = 1 << 47


#: Where who has an authorization token of ours is given fresh credentials, as AWS's runtimes do.
CONTAINER_PATH = "/2021-04-23/credentials"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who temporary credentials stand for."""

    account: str
    arn: str
    #: "AROA…:session", "account:name", or the account's number.
    user_id: str
    #: Session policies, which bound what it may do: JSON, or ARNs of managed policies. None: it
    #: has no such bound.
    policies: tuple[str, ...] | None = None
    #: Of a federated user: the ARN of who asked for its credentials.
    issuer: str = ""
    #: When its credentials end, in seconds since the epoch; None: never.
    expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class Credentials:
    """One set of temporary credentials."""

    access_key: str
    secret_key: str
    token: str


def root(account: str) -> Identity:
    """Return the identity of who has no credentials of ours."""
    return Identity(account, f"arn:{PARTITION}:iam::{account}:root", account)


def assumed_role(account: str, role: str, session: str) -> Identity:
    """Return the identity of a role's session.

    Args:
        account: The role's.
        role: The role's ARN or name; of a path the last part counts.
        session: The session's name.
    """
    name = role.rpartition("/")[2].rpartition(":")[2]
    arn = f"arn:{PARTITION}:sts::{account}:assumed-role/{name}/{session}"
    return Identity(account, arn, f"{role_id(account, name)}:{session}")


def of_function(account: str, role: str, function: str) -> Identity:
    """Return the identity of the code of a function, a session of its role.

    Names of sessions have two characters at least: a function with a shorter one has another.
    """
    session = function if len(function) > 1 else f"{function}@lambda_function"
    return assumed_role(account, role, session)


def role_id(account: str, name: str) -> str:
    """Return the unique id of a role, the same each time."""
    digest = hashlib.sha256(f"{account}/{name}".encode()).digest()
    return "AROA" + base64.b32encode(digest)[:17].decode()


def issue(identity: Identity, expires_at: float | None = None) -> Credentials:
    """Return new credentials for an identity, unlike all others.

    Args:
        identity: Whose they are.
        expires_at: When they end, in seconds since the epoch; None: never.
    """
    key = _access_key(identity.account)
    told: dict[str, object] = {
        "account": identity.account,
        "arn": identity.arn,
        "id": identity.user_id,
        "key": key,
    }
    if identity.policies is not None:
        told["policies"] = identity.policies
    if identity.issuer:
        told["issuer"] = identity.issuer
    if expires_at is not None:
        told["ends"] = expires_at
    nonce = secrets.token_bytes(24)
    return Credentials(
        access_key=key,
        secret_key=_secret(key),
        token=base64.b64encode(
            _TOKEN_HEAD + nonce + zlib.compress(json.dumps(told).encode())
        ).decode(),
    )


def identify(token: str, key: str | None = None) -> Identity | None:
    """Return who a session token stands for; None for a token that is none of ours.

    Args:
        token: The token.
        key: The access key that it came with, to be held against the one it was issued with; None:
            whichever.
    """
    try:
        raw = base64.b64decode(token, validate=True)
        if not raw.startswith(_TOKEN_HEAD):
            return None
        unpacked = zlib.decompressobj()
        text = unpacked.decompress(raw[len(_TOKEN_HEAD) + 24 :], _LARGEST_IDENTITY)
        # Only at the end is its checksum looked at.
        if not unpacked.eof or unpacked.unused_data:
            return None
        told = json.loads(text)
        if key is not None and told.get("key") != key:
            return None
        policies, ends = told.get("policies"), told.get("ends")
        return Identity(
            str(told["account"]),
            str(told["arn"]),
            str(told["id"]),
            None if policies is None else tuple(str(each) for each in policies),
            str(told.get("issuer", "")),
            None if ends is None else float(ends),
        )
    except (AttributeError, binascii.Error, zlib.error, ValueError, KeyError, TypeError):
        return None


def secret_of(access_key: str) -> str | None:
    """Return the secret of an access key that was issued here; None for any other key."""
    if account_of(access_key) is None and not access_key.startswith(USER_PREFIX):
        return None
    return _secret(access_key)


def _secret(access_key: str) -> str:
    """Return the secret of a key of ours: nothing is stored, so that the key alone decides it."""
    digest = hashlib.sha256(f"localfaas secret of {access_key}".encode()).digest()
    return base64.b64encode(digest[:30]).decode()


def account_of(access_key: str) -> str | None:
    """Return the account of a temporary access key; None for a key that is none of ours."""
    if len(access_key) != 20 or not access_key.startswith(_TEMPORARY):
        return None
    try:
        raw = base64.b32decode(access_key[len(_TEMPORARY) :])
    except binascii.Error:
        return None
    if _checksum(raw[:8]) != raw[8:]:
        return None
    account = int.from_bytes(raw[:6]) >> _ACCOUNT_SHIFT & _ACCOUNT_MASK
    return f"{account:012}"


def _access_key(account: str) -> str:
    noise = secrets.randbelow(1 << _ACCOUNT_SHIFT)
    head = (_RECENT | int(account) << _ACCOUNT_SHIFT | noise).to_bytes(6)
    raw = head + secrets.token_bytes(2)
    return _TEMPORARY + base64.b32encode(raw + _checksum(raw)).decode()


def _checksum(raw: bytes) -> bytes:
    return hashlib.sha256(b"localfaas" + raw).digest()[:2]
