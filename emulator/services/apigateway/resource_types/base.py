"""What the types share: a resource is created by an operation, and changed by patches."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from emulator.services.apigateway.errors import bad_request
from emulator.stack.kinds import (
    Call,
    Kind,
    Made,
    Reading,
    Wanted,
    every,
    forgiving,
)
from emulator.stack.tagging import Tagging, merge_tags

SERVICE = "apigateway"
#: Tags, which are on ARNs without an account.
TAGGING = Tagging(service=SERVICE)
#: What is at a path where a template says nothing, other than nothing.
_USUAL = {
    "/apiKeySource": "HEADER",
    "/authType": "custom",
    "/authorizerResultTtlInSeconds": "300",
    "/cacheClusterEnabled": "false",
    "/disableExecuteApiEndpoint": "false",
    "/enabled": "false",
    "/securityPolicy": "TLS_1_2",
    "/routingMode": "BASE_PATH_MAPPING_ONLY",
    "/tracingEnabled": "false",
    "/validateRequestBody": "false",
    "/validateRequestParameters": "false",
}
#: How a property is patched: whole, key by key, or element by element.
Form = Literal["text", "map", "list"]


def text(value: Any) -> str:
    """Return a property as the text of a patch."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        return json.dumps(value)
    return "" if value is None else str(value)


def escaped(key: str) -> str:
    """Return a key as a part of a patch's path."""
    return key.replace("~", "~0").replace("/", "~1")


def differences(
    before: Mapping[str, Any], after: Mapping[str, Any], fields: Mapping[str, tuple[str, Form]]
) -> list[dict[str, str]]:
    """Return the patch operations that make one resource another.

    Args:
        before: The properties it has.
        after: Those it is to have.
        fields: The path of each property that can change, and its form.
    """
    found: list[dict[str, str]] = []
    for name, (path, form) in fields.items():
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if form == "text":
            value = _USUAL.get(path, "") if new is None else text(new)
            found.append({"op": "replace", "path": path, "value": value})
        elif form == "map":
            found += _of_map(path, old or {}, new or {})
        else:
            found += _of_list(path, old or [], new or [])
    return found


def endpoint_patches(
    call: Call, before: Mapping[str, Any], after: Mapping[str, Any]
) -> list[dict[str, str]]:
    """Return the patch operations for the endpoint of an API or of a domain name.

    One that changes is told whole: a definition may have said what it is, too.

    Args:
        call: Gives members the types that they have.
        before: The properties that it has.
        after: Those that it is to have.

    Raises:
        AwsError: It is to have what is no endpoint.
    """
    old, new = (_endpoint(call, each) for each in (before, after))
    if old == new:
        return []
    if not isinstance(new, Mapping):
        raise bad_request("Expected map or null")
    kind = (new.get("types") or ["EDGE"])[0]
    addresses = new.get("ipAddressType") or ("dualstack" if kind == "PRIVATE" else "ipv4")
    held = old.get("vpcEndpointIds") or [] if isinstance(old, Mapping) else []
    return [
        {"op": "replace", "path": "/endpointConfiguration/types/0", "value": kind},
        {"op": "replace", "path": "/endpointConfiguration/ipAddressType", "value": addresses},
        *_of_list("/endpointConfiguration/vpcEndpointIds", held, new.get("vpcEndpointIds") or []),
    ]


def _endpoint(call: Call, properties: Mapping[str, Any]) -> Any:
    given = {"EndpointConfiguration": properties.get("EndpointConfiguration") or {}}
    return call.fit(SERVICE, "CreateRestApi", given)["endpointConfiguration"]


def _of_map(path: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterable[dict[str, str]]:
    for key in old:
        if key not in new:
            yield {"op": "remove", "path": f"{path}/{escaped(key)}"}
    for key, value in new.items():
        if old.get(key) != value:
            yield {"op": "replace", "path": f"{path}/{escaped(key)}", "value": text(value)}


def _of_list(path: str, old: Sequence[Any], new: Sequence[Any]) -> Iterable[dict[str, str]]:
    for each in old:
        if each not in new:
            yield {"op": "remove", "path": f"{path}/{escaped(str(each))}"}
    for each in new:
        if each not in old:
            yield {"op": "add", "path": f"{path}/{escaped(str(each))}"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Patched(Kind):
    """A type whose properties are the members of its create operation, changed by patches."""

    create_operation: str
    delete_operation: str
    update_operation: str = ""
    #: The answer's member that is the physical id, and the requests' member that names it.
    key: str = "id"
    named: str
    #: What ``Fn::GetAtt`` knows, by the answer's members.
    attributes: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, tuple[str, Form]] = field(default_factory=dict)
    #: Members of operations by property, where the two names differ.
    renamed: Mapping[str, str] = field(default_factory=dict)
    #: The property that names what it belongs to; "" for the account.
    parent: str = "RestApiId"
    #: The property for a name that is made up where there is none.
    name: str = ""
    #: Lists those that are there.
    list_operation: str = ""
    listed: str = "items"
    #: The part of the ARN of what is tagged that says its kind; "" where it takes no tags.
    tagged: str = ""
    #: Names that are made up have letters and digits alone.
    plain_names: bool = False

    #: See :class:`emulator.stack.kinds.ServiceKind`.
    reading: Reading | None = None
    waits: ClassVar[bool] = False

    @property
    def appends(self) -> bool:
        """Whether another one may be made where one like it exists."""
        return bool(self.list_operation)

    async def create(self, call: Call, wanted: Wanted) -> Made:
        request = call.fit(SERVICE, self.create_operation, self._values(wanted))
        return self._made(await call(SERVICE, self.create_operation, request))

    def _values(self, wanted: Wanted) -> dict[str, Any]:
        values = {self.renamed.get(k, k): v for k, v in wanted.properties.items()}
        if self.name:
            name = wanted.name(self.name, longest=255)
            if self.plain_names and not wanted.properties.get(self.name):
                name = "".join(each for each in name if each.isalnum())
            values[self.renamed.get(self.name, self.name)] = name
        if wanted.tags or values.get("Tags"):
            values["Tags"] = merge_tags(wanted.tags, values.get("Tags"))
        return values

    def _made(self, answer: Mapping[str, Any]) -> Made:
        known = {name: answer.get(member, "") for name, member in self.attributes.items()}
        return Made(physical=str(answer[self.key]), attributes=known)

    def _identity(self, made: Made, properties: Mapping[str, Any]) -> dict[str, Any]:
        identity: dict[str, Any] = {self.named: made.physical}
        if self.parent:
            identity[self.parent[:1].lower() + self.parent[1:]] = properties.get(self.parent)
        return identity

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        if not self.update_operation:
            raise NotImplementedError
        patches = differences(before, wanted.properties, self.fields)
        if patches:
            identity = self._identity(made, wanted.properties)
            await call(SERVICE, self.update_operation, {**identity, "patchOperations": patches})
        await self.retag(call, made, before, wanted)
        return made

    async def retag(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> None:
        """Give a resource the tags it is to have, where it takes any."""
        if self.tagged:
            arn = f"arn:aws:apigateway:{call.region}::/{self.tagged}/{made.physical}"
            await TAGGING.change(call, arn, before, wanted)

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        if self.delete_operation:
            identity = self._identity(made, properties)
            await forgiving(call, SERVICE, self.delete_operation, identity)

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        if not self.list_operation:
            return []
        request = call.fit(SERVICE, self.list_operation, self._values(wanted))
        request.pop("limit", None)
        found = await every(call, SERVICE, self.list_operation, request, self.listed)
        return [self._made(each) for each in found]
