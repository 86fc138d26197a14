"""Operations on the parts of an API, which are all alike: create, get, list, update, delete."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from emulator.services.apigatewayv2 import state
from emulator.services.apigatewayv2.errors import bad_request, not_found
from emulator.services.apigatewayv2.state import Api, Body, new_id
from emulator.services.context import Context, Request, Response
from emulator.services.service import Operation

#: Returns a new part as it is kept, or raises what is wrong with it: (API, what it was before or
#: None, what it is to be).
Check = Callable[[Api, "Body | None", Body], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A kind of parts of APIs."""

    #: As it is kept: "routes".
    kind: str
    #: As operations and errors name it: "Route".
    title: str
    #: More than one of it in operations' names.
    titles: str = ""
    #: The member with its id, and how long ids are.
    id_member: str
    id_length: int = 7
    #: The member with the id of the part that it belongs to, that part's kind and title.
    parent: tuple[str, str, str] | None = None
    check: Check
    #: Members that are maps: updates add to them, and remove with "" or {}.
    merged: frozenset[str] = field(default_factory=frozenset)
    #: Raises where the part may not go.
    check_deletion: Callable[[Api, Body], None] | None = None

    def find(self, api: Api, request: Request) -> Body:
        """Return the part that a request names.

        Raises:
            AwsError: NotFoundException.
        """
        body = api.held[self.kind].get(request[self.id_member])
        if body is None or (self.parent and body[self.parent[0]] != request[self.parent[0]]):
            raise not_found(self.title)
        return body


def operations(part: Part) -> dict[str, Operation]:
    """Return the five operations on a kind of parts, by their wire names."""
    titles = part.titles or f"{part.title}s"
    return {
        f"Create{part.title}": _named(f"create_{_snake(part.title)}", _creating(part)),
        f"Delete{part.title}": _named(f"delete_{_snake(part.title)}", _deleting(part)),
        f"Get{part.title}": _named(f"get_{_snake(part.title)}", _getting(part)),
        f"Get{titles}": _named(f"get_{_snake(titles)}", _listing(part)),
        f"Update{part.title}": _named(f"update_{_snake(part.title)}", _updating(part)),
    }


def find_api(ctx: Context, request: Request) -> Api:
    """Return the API that a request names.

    Raises:
        AwsError: NotFoundException.
    """
    return state.of(ctx).api(ctx.account, ctx.region, request["ApiId"])


def page(found: list[Body], request: Request) -> Response:
    """Return the page of a list that a request asks for.

    Raises:
        AwsError: BadRequestException.
    """
    token, most = request.get("NextToken") or "0", str(request.get("MaxResults") or 100)
    if not most.isdecimal() or not 1 <= int(most) <= 1000:
        raise bad_request("MaxResults must be a number between 1 and 1000")
    if not token.isdecimal():
        raise bad_request("Invalid NextToken")
    end = int(token) + int(most)
    following = str(end) if end < len(found) else None
    return {"Items": found[int(token) : end], "NextToken": following}


def merge(
    before: Body, changes: Mapping[str, object], merged: frozenset[str] = frozenset()
) -> Body:
    """Return a body with changes: "" removes a member, and an entry of a map that is merged."""
    after = dict(before)
    for name, value in changes.items():
        if value is None:
            continue
        if name in merged and isinstance(value, Mapping):
            entries = {**(before.get(name) or {}), **value}
            after[name] = {key: each for key, each in entries.items() if each not in ("", {})}
        elif value == "":
            after.pop(name, None)
        else:
            after[name] = value
    return after


def _creating(part: Part) -> Operation:
    async def create(ctx: Context, request: Request) -> Response:
        api = find_api(ctx, request)
        if part.parent is not None and request[part.parent[0]] not in api.held[part.parent[1]]:
            raise not_found(part.parent[2])
        made = merge({}, {k: v for k, v in request.items() if k != "ApiId"})
        made[part.id_member] = new_id(part.id_length, api.held[part.kind])
        part.check(api, None, made)
        await state.of(ctx).put(api, part.kind, made[part.id_member], made)
        return made

    return create


def _getting(part: Part) -> Operation:
    async def get(ctx: Context, request: Request) -> Response:
        return part.find(find_api(ctx, request), request)

    return get


def _listing(part: Part) -> Operation:
    async def listing(ctx: Context, request: Request) -> Response:
        api = find_api(ctx, request)
        found = list(api.held[part.kind].values())
        if part.parent is not None:
            member, kind, title = part.parent
            if request[member] not in api.held[kind]:
                raise not_found(title)
            found = [each for each in found if each[member] == request[member]]
        return page(found, request)

    return listing


def _updating(part: Part) -> Operation:
    async def update(ctx: Context, request: Request) -> Response:
        api = find_api(ctx, request)
        before = part.find(api, request)
        changes = {k: v for k, v in request.items() if k not in ("ApiId", part.id_member)}
        after = merge(before, changes, part.merged)
        part.check(api, before, after)
        await state.of(ctx).put(api, part.kind, before[part.id_member], after)
        return after

    return update


def _deleting(part: Part) -> Operation:
    async def delete(ctx: Context, request: Request) -> Response:
        api = find_api(ctx, request)
        body = part.find(api, request)
        if part.check_deletion is not None:
            part.check_deletion(api, body)
        kept = state.of(ctx)
        await kept.drop(api, part.kind, body[part.id_member])
        for kind, member in _BELOW.get(part.kind, ()):
            for part_id, each in list(api.held[kind].items()):
                if each[member] == body[part.id_member]:
                    await kept.drop(api, kind, part_id)
        return {}

    return delete


#: What goes with a part.
_BELOW = {
    "routes": (("routeresponses", "RouteId"),),
    "integrations": (("integrationresponses", "IntegrationId"),),
}


def _named(name: str, operation: Operation) -> Operation:
    operation.__name__ = name
    return operation


def _snake(title: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in title).lstrip("_")
