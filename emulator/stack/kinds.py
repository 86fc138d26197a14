"""Resource types of templates: created, changed and removed through their service's API.

A service lists its types in its ``kinds.py``. Where the names of properties match the members of a
create operation, a type is one :class:`TableKind`; where not, a class with the same methods.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from emulator.model.errors import AwsError
from emulator.stack.names import physical_name


class Call(Protocol):
    """Calls operations for one account and region, as a client would."""

    account: str
    region: str

    async def __call__(
        self, service: str, operation: str, request: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Do an operation.

        Raises:
            AwsError: The error that a client would get.
        """
        ...

    def fit(self, service: str, operation: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return ``values`` in the types of the operation's members; others are left out."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A resource as a template wants it."""

    kind: str
    logical: str
    properties: Mapping[str, Any]
    stack_name: str
    stack_id: str
    #: Names are derived from it: the stack's id and a part that each replacement changes.
    seed: str
    #: The stack's tags.
    tags: Mapping[str, str] = field(default_factory=dict)

    def name(self, given: str, *, longest: int = 64, lower: bool = False) -> str:
        """Return the name of the resource: the property ``given``, else a generated one."""
        own = self.properties.get(given)
        if own:
            return str(own)
        return physical_name(self.stack_name, self.logical, self.seed, longest=longest, lower=lower)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A resource that exists."""

    #: Its physical id; what ``Ref`` means, where ``ref`` says nothing else.
    physical: str
    #: What ``Fn::GetAtt`` knows.
    attributes: Mapping[str, Any] = field(default_factory=dict)
    ref: str = ""


class Kind(Protocol):
    """One resource type."""

    async def create(self, call: Call, wanted: Wanted) -> Made:
        """Create the resource.

        Raises:
            AwsError: The service refuses it; nothing is left.
        """
        ...

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        """Change the resource in place.

        Args:
            call: Does operations of services.
            made: The resource as it was made.
            before: The properties it has.
            wanted: The resource as it is to be.

        Raises:
            AwsError: The service refuses it.
            NotImplementedError: The type cannot be changed in place: replace it.
        """
        ...

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        """Remove the resource; it is no error if it is gone already.

        Raises:
            AwsError: The service refuses it.
        """
        ...


#: Services' error codes for resources that do not exist.
_GONE = re.compile(r"NotFound|NoSuch|NonExist|DoesNotExist|NotExist|NoSuchEntity")


def is_gone(error: AwsError) -> bool:
    """Say whether an error means that the resource does not exist."""
    return _GONE.search(error.code) is not None or error.status == 404


@dataclass(frozen=True, slots=True, kw_only=True)
class TableKind:
    """A type whose properties are the members of its operations.

    Texts in ``ref``, ``attributes`` and ``identifier`` are patterns: ``{Member}`` stands for a
    member of the create operation's answer, else of its request; ``{ref}`` for what ``Ref`` means;
    ``{account}`` and ``{region}`` for the stack's.
    """

    service: str
    create_operation: str
    #: What ``Ref`` means.
    ref: str
    delete_operation: str = ""
    #: Called with the same members for changes in place; "" where changes replace the resource.
    update_operation: str = ""
    #: The property with the name; without a value, a name is generated.
    name: str = ""
    name_length: int = 64
    name_lower: bool = False
    #: Members that name the resource in update and delete.
    identifier: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    #: Members of operations by property, where the two names differ.
    renamed: Mapping[str, str] = field(default_factory=dict)
    #: Members that are always sent with the create operation.
    fixed: Mapping[str, Any] = field(default_factory=dict)
    #: The create operation's member for tags; "" where it takes none.
    tags: str = ""

    async def create(self, call: Call, wanted: Wanted) -> Made:
        """See :meth:`Kind.create`."""
        request = self._request(call, self.create_operation, wanted)
        answer = await call(self.service, self.create_operation, request)
        known = _flat(answer) | {k: v for k, v in request.items() if k not in _flat(answer)}
        known |= {"account": call.account, "region": call.region}
        ref = _fill(self.ref, known)
        known["ref"] = ref
        attributes = {name: _fill(text, known) for name, text in self.attributes.items()}
        kept = {name: _fill(text, known) for name, text in self.identifier.items()}
        return Made(physical=ref, attributes={**attributes, **_hidden(kept)})

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        """See :meth:`Kind.update`."""
        if not self.update_operation:
            raise NotImplementedError(self.update_operation)
        request = self._request(call, self.update_operation, wanted)
        request |= self._identity(call, self.update_operation, made)
        await call(self.service, self.update_operation, request)
        return made

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        """See :meth:`Kind.delete`."""
        if not self.delete_operation:
            return
        try:
            request = self._identity(call, self.delete_operation, made)
            await call(self.service, self.delete_operation, request)
        except AwsError as error:
            if not is_gone(error):
                raise

    def _request(self, call: Call, operation: str, wanted: Wanted) -> dict[str, Any]:
        values = {self.renamed.get(k, k): v for k, v in wanted.properties.items()}
        if self.name:
            name = wanted.name(self.name, longest=self.name_length, lower=self.name_lower)
            values[self.renamed.get(self.name, self.name)] = name
        if self.tags and wanted.tags:
            values[self.tags] = merge_tags(wanted.tags, values.get(self.tags))
        return call.fit(self.service, operation, {**self.fixed, **values})

    def _identity(self, call: Call, operation: str, made: Made) -> dict[str, Any]:
        kept = {name: made.attributes[_HIDDEN + name] for name in self.identifier}
        return call.fit(self.service, operation, kept)


def merge_tags(stack: Mapping[str, str], own: Any) -> list[dict[str, str]]:
    """Return the stack's tags and a resource's own (in either form); its own take precedence."""
    if isinstance(own, list):
        own = {str(tag["Key"]): tag.get("Value", "") for tag in own if isinstance(tag, Mapping)}
    merged = {**stack, **(own if isinstance(own, Mapping) else {})}
    return [{"Key": key, "Value": str(value)} for key, value in merged.items()]


#: Before the names of attributes that ``Fn::GetAtt`` does not know.
_HIDDEN = "."


def _hidden(identifier: Mapping[str, str]) -> dict[str, str]:
    return {_HIDDEN + name: value for name, value in identifier.items()}


def _flat(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return an answer's members, those of its structures among them."""
    found = dict(answer)
    for value in answer.values():
        if isinstance(value, Mapping):
            found |= {k: v for k, v in value.items() if k not in found}
    return found


def _fill(pattern: str, known: Mapping[str, Any]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: str(known.get(match[1], "")), pattern)
