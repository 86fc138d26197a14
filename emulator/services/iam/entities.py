"""What entities of every kind have in common: names, paths, ARNs, tags, pages, policies' texts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request
from emulator.services.iam.state import Entity, of

_PAGE = 100


def no_such_entity(kind: str, name: str) -> AwsError:
    """Return the error of an entity that is not there.

    Args:
        kind: As texts have it: "role".
        name: Its name.
    """
    return AwsError("NoSuchEntity", f"The {kind} with name {name} cannot be found.", status=404)


def already_there(kind: str, name: str) -> AwsError:
    """Return the error of an entity that is made twice.

    Args:
        kind: As texts have it: "Role".
        name: Its name.
    """
    return AwsError("EntityAlreadyExists", f"{kind} with name {name} already exists.", status=409)


def delete_conflict(what: str) -> AwsError:
    """Return the error of removing an entity that has something."""
    return AwsError("DeleteConflict", f"Cannot delete entity, must {what} first.", status=409)


def find(ctx: Context, kind: str, name: str) -> Entity:
    """Return an entity.

    Raises:
        AwsError: NoSuchEntity.
    """
    found = of(ctx).find(ctx.account, kind, name)
    if found is None:
        raise no_such_entity(kind.replace("-", " "), name)
    return found


async def keep(ctx: Context, kind: str, name: str, entity: Mapping[str, Any]) -> None:
    """Keep an entity."""
    await of(ctx).put(ctx.account, kind, name, entity)


def arn(ctx: Context, kind: str, path: str, name: str) -> str:
    """Return an entity's ARN."""
    return f"arn:aws:iam::{ctx.account}:{kind}{path}{name}"


def tags_of(request: Request) -> dict[str, str]:
    """Return the tags of a request."""
    return {tag["Key"]: tag["Value"] for tag in request.get("Tags") or []}


def shown_tags(entity: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return an entity's tags as answers show them."""
    return [{"Key": key, "Value": value} for key, value in (entity.get("tags") or {}).items()]


def shown_document(text: str) -> str:
    """Return a policy as answers show it: percent-encoded."""
    return quote(text, safe="")


def checked_document(text: str) -> str:
    """Return a policy's text. One without a Version is taken, as on AWS.

    Raises:
        AwsError: MalformedPolicyDocument.
    """
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    statements = document.get("Statement") if isinstance(document, dict) else None
    listed = statements if isinstance(statements, list) else [statements]
    if not listed or not all(isinstance(each, dict) and "Effect" in each for each in listed):
        raise _malformed("Syntax errors in policy.")
    return text


def checked_permissions(text: str) -> str:
    """Return the text of a policy that says what its owner may do.

    Raises:
        AwsError: MalformedPolicyDocument: it is no policy, or names who may do it.
    """
    for statement in _statements(checked_document(text)):
        if "Principal" in statement or "NotPrincipal" in statement:
            raise _malformed("Policy document should not specify a principal.")
    return text


def checked_trust(text: str) -> str:
    """Return the text of a policy that says who may assume a role.

    Raises:
        AwsError: MalformedPolicyDocument: it is no policy, names nobody, or names a resource.
    """
    for statement in _statements(checked_document(text)):
        if "Resource" in statement or "NotResource" in statement:
            raise _malformed("Has prohibited field Resource")
        if "Principal" not in statement and "NotPrincipal" not in statement:
            raise _malformed("Missing required field Principal")
    return text


def _statements(text: str) -> list[dict[str, Any]]:
    found = json.loads(text)["Statement"]
    return found if isinstance(found, list) else [found]


def _malformed(message: str) -> AwsError:
    return AwsError("MalformedPolicyDocument", message, status=400)


def measured(text: str) -> int:
    """Return a policy's length as quotas count it: without white space."""
    return sum(not character.isspace() for character in text)


def page(items: Iterable[Any], request: Request, member: str) -> dict[str, Any]:
    """Return a page of ``items`` as the members of an answer.

    Args:
        items: All of them, in order.
        request: Says which page.
        member: What the answer calls them.

    Raises:
        AwsError: ValidationError: the marker is none.
    """
    found = list(items)
    marker = str(request.get("Marker") or 0)
    if not (marker.isascii() and marker.isdecimal()):
        raise AwsError("ValidationError", "Invalid Marker.", status=400)
    start = int(marker)
    end = start + int(request.get("MaxItems") or _PAGE)
    more = end < len(found)
    return {
        member: found[start:end],
        "IsTruncated": more,
        "Marker": str(end) if more else None,
    }


def below(entities: Iterable[Entity], request: Request) -> list[Entity]:
    """Return the entities whose paths begin as a request says."""
    prefix = request.get("PathPrefix") or "/"
    return [each for each in entities if str(each["path"]).startswith(prefix)]
