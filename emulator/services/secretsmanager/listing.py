"""Which secrets a request asks for, page by page.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/manage_search-secret.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.secretsmanager.secrets import shown, stages_of
from emulator.services.secretsmanager.state import Secret, of

Item = TypeVar("Item")

_SORT_KEYS = {
    "created-date": "created_at",
    "last-accessed-date": "accessed_at",
    "last-changed-date": "changed_at",
    "name": "name",
}


async def list_secrets(ctx: Context, request: Request) -> Response:
    """Serve ListSecrets.

    Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecrets.html
    """
    found, token = page(chosen(ctx, request), request, 100)
    return {
        "SecretList": [
            {**shown(each), "SecretVersionsToStages": stages_of(each)} for each in found
        ],
        "NextToken": token,
    }


def chosen(ctx: Context, request: Request) -> list[Secret]:
    """Return the secrets that the filters of a request let pass, in its order."""
    deleted = bool(request.get("IncludePlannedDeletion"))
    filters = request.get("Filters") or []
    found = [
        each
        for each in of(ctx).all(ctx.account, ctx.region)
        if (deleted or not each.get("deleted_at"))
        and all(_passes(each, wanted, ctx.region) for wanted in filters)
    ]
    key = _SORT_KEYS[request.get("SortBy") or "created-date"]
    # Without an order asked for, the oldest come first.
    backwards = request.get("SortOrder", "asc") == "desc"
    return sorted(found, key=lambda each: each.get(key) or 0, reverse=backwards)


def _passes(secret: Secret, wanted: Mapping[str, Any], region: str) -> bool:
    """Say whether a secret passes a filter: one of its values matches; "!" turns one around."""
    return any(
        not _matches(secret, wanted["Key"], value[1:], region)
        if value.startswith("!")
        else _matches(secret, wanted["Key"], value, region)
        for value in wanted["Values"]
    )


def _matches(secret: Secret, key: str, value: str, region: str) -> bool:
    tags: Mapping[str, str] = secret["tags"] or {}
    if key == "name":
        return str(secret["name"]).startswith(value)
    if key == "description":
        return _has_words(str(secret["description"] or ""), value)
    if key == "tag-key":
        return any(each.startswith(value) for each in tags)
    if key == "tag-value":
        return any(each.startswith(value) for each in tags.values())
    if key == "all":
        texts = (secret["name"], secret["description"] or "", *tags, *tags.values())
        return any(_has_words(text, value) for text in texts)
    return key == "primary-region" and region.startswith(value)


def _has_words(text: str, wanted: str) -> bool:
    """Say whether words of a text begin with each of the words that are looked for."""
    words = re.split(r"[^\w]+", text.lower())
    return all(
        any(word.startswith(each) for word in words)
        for each in re.split(r"[^\w]+", wanted.lower())
        if each
    )


def page(found: list[Item], request: Request, usual: int) -> tuple[list[Item], str | None]:
    """Return the page that a request means, and what leads to the next one.

    Raises:
        AwsError: InvalidNextTokenException.
    """
    token = request.get("NextToken") or "0"
    if not token.isdecimal() or int(token) > len(found):
        raise AwsError("InvalidNextTokenException", "The NextToken value is invalid.")
    end = int(token) + int(request.get("MaxResults") or usual)
    return found[int(token) : end], str(end) if end < len(found) else None
