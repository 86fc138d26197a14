"""Random passwords.

https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetRandomPassword.html
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Mapping
from typing import Any

from emulator.services.context import Context, Request, Response
from emulator.services.secretsmanager.lookup import invalid

_LENGTH = 32
_KINDS = {
    "ExcludeLowercase": string.ascii_lowercase,
    "ExcludeUppercase": string.ascii_uppercase,
    "ExcludeNumbers": string.digits,
    "ExcludePunctuation": string.punctuation,
}


async def get_random_password(ctx: Context, request: Request) -> Response:
    """Serve GetRandomPassword.

    Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetRandomPassword.html
    """
    return {"RandomPassword": new_password(request)}


def new_password(wanted: Mapping[str, Any]) -> str:
    """Return a password.

    Args:
        wanted: The members of GetRandomPassword.

    Raises:
        AwsError: InvalidParameterException: there is no such password.
    """
    length = int(wanted.get("PasswordLength") or _LENGTH)
    excluded = set(wanted.get("ExcludeCharacters") or "")
    kinds = [text for member, text in _KINDS.items() if not wanted.get(member)]
    if wanted.get("IncludeSpace"):
        kinds.append(" ")
    kinds = ["".join(each for each in text if each not in excluded) for text in kinds]
    kinds = [text for text in kinds if text]
    if not kinds:
        raise invalid("Password length is too short based on the required types.")
    required = kinds if wanted.get("RequireEachIncludedType", True) else []
    if len(required) > length:
        raise invalid("Password length is too short based on the required types.")
    every = "".join(kinds)
    chosen = [secrets.choice(text) for text in required]
    chosen += [secrets.choice(every) for _ in range(length - len(chosen))]
    secrets.SystemRandom().shuffle(chosen)
    return "".join(chosen)
