"""Signed requests: who has signed one.

A signature is required but not checked, as everywhere here: who signed is believed.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from emulator.model import credentials

_CREDENTIAL = re.compile(r"(?P<key>[^/,\s=]{1,128})/\d{8}/[a-z0-9-]+/[a-z0-9-]+/aws4_request")
_ACCOUNT = re.compile(r"\d{12}")


class Signer(NamedTuple):
    """Who has signed a request."""

    access_key: str
    account: str

    @property
    def identity(self) -> dict[str, Any]:
        """The caller as the payload 2.0 has it."""
        return {
            "accessKey": self.access_key,
            "accountId": self.account,
            "callerId": self.account,
            "cognitoIdentity": None,
            "principalOrgId": None,
            "userArn": self.arn,
            "userId": self.account,
        }

    @property
    def arn(self) -> str:
        """The caller's ARN."""
        return f"arn:aws:iam::{self.account}:root"


def signer_of(authorization: str, query: str, account: str) -> Signer | None:
    """Return who has signed a request; None: nobody has.

    Args:
        authorization: The header of that name.
        query: The query string, where the signature stands in presigned URLs.
        account: Whose a key is that says nothing of its account.
    """
    text = authorization
    if not text.startswith("AWS4-"):
        if "X-Amz-Signature" not in query:
            return None
        found: Mapping[str, list[str]] = parse_qs(query)
        text = found.get("X-Amz-Credential", [""])[0]
    match = _CREDENTIAL.search(text)
    if match is None:
        return None
    key = match["key"]
    known = key if _ACCOUNT.fullmatch(key) else credentials.account_of(key)
    return Signer(key, known or account)
