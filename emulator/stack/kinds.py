"""Resource types of templates: created, changed and removed through their service's API.

A service lists its types in its ``kinds.py``. Where the names of properties match the members of a
create operation, a type is one :class:`TableKind`; where not, a class with the same methods.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Protocol

from emulator.model.errors import AwsError
from emulator.stack.tagging import Tagging, merge_tags
from emulator.stack.wanted import Call as Call
from emulator.stack.wanted import Wanted as Wanted

#: The hidden attribute of what is only noted: it has every attribute that a template asks for.
PLAUSIBLE = ".plausible"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How the resources of a type are read, whoever has made them."""

    service: str
    #: The operation that reads one, and the member that names it; "" where only lists know it.
    get: str = ""
    member: str = ""
    #: Members that are always sent with it.
    fixed: Mapping[str, Any] = field(default_factory=dict)
    #: The operation that lists all, its member, and what names one of them; "" where the items of
    #: the list are the names. Without an operation they are not listed.
    lists: str = ""
    listed: str = ""
    item: str = ""

    async def one(self, call: Call, identifier: str) -> dict[str, Any] | None:
        """Return what the service knows of a resource; None: there is none."""
        if self.get:
            request = {**self.fixed, self.member: identifier}
            answer = await forgiving(call, self.service, self.get, request)
            return None if answer is None else _flat(answer)
        for name, found in await self.all(call):
            if name == identifier:
                return found
        return None

    async def all(self, call: Call) -> list[tuple[str, dict[str, Any]]]:
        """Return the names of all resources, and what the list says of each."""
        items: list[Any] = await every(call, self.service, self.lists, {}, self.listed)
        return [(str(each[self.item]), each) if self.item else (str(each), {}) for each in items]


class ServiceKind(Kind):
    """What a type that is written by hand has anyway; subclasses say what differs.

    Attributes:
        waits: Its calls may last: an operation that is given up does not wait for their end.
        appends: Another one may be made where one like it exists (versions, keys).
        reading: How its resources are read; None where they are not.
        noted: Properties that nothing here acts on: events say so.
    """

    waits = False
    appends = False
    noted: tuple[str, ...] = ()
    reading: Reading | None = None

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        """See :meth:`Kind.update`."""
        raise NotImplementedError

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        """Return what exists that creating ``wanted`` may have made.

        It tells what an interrupted creation has left, and whether a name is taken.
        """
        return []

    async def undo(self, call: Call, made: Made, before: Made, wanted: Wanted) -> Made:
        """Make a resource what it was before an update that is rolled back.

        Args:
            call: Does operations of services.
            made: The resource as the update has made it.
            before: The resource as it was.
            wanted: It, as it was wanted then.
        """
        raise NotImplementedError


async def forgiving(
    call: Call, service: str, operation: str, request: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Do an operation on something that may be gone; None: it is.

    Raises:
        AwsError: The service refuses it for another reason.
    """
    try:
        return await call(service, operation, request)
    except AwsError as error:
        if not is_gone(error):
            raise
        return None


async def every(
    call: Call, service: str, operation: str, request: Mapping[str, Any], member: str
) -> list[dict[str, Any]]:
    """Return all items that an operation lists, page by page; none where the owner is gone.

    Args:
        call: Does operations of services.
        service: The service's model.
        operation: The operation that lists.
        request: What it is asked.
        member: The answer's member that has them.
    """
    found: list[dict[str, Any]] = []
    asked = dict(request)
    while True:
        answer = await forgiving(call, service, operation, asked) or {}
        found += answer.get(member) or []
        for following, asking in _TOKENS:
            if answer.get(following):
                asked[asking] = answer[following]
                break
        else:
            return found


#: The members of answers and requests that have the token of the next page.
_TOKENS = (
    ("NextMarker", "Marker"),
    ("NextToken", "NextToken"),
    ("nextToken", "nextToken"),
    ("position", "position"),
)

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
    #: Whether an update puts the whole: what it does not say is gone.
    whole: bool = False
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
    #: What an update says of a property that the template no longer has: as if it never had it.
    #: What is not here is emptied.
    cleared: Mapping[str, Any] = field(default_factory=dict)
    #: Properties whose entries an update adds: those that are to go are named, and emptied.
    merged: tuple[str, ...] = ()
    #: The create operation's member for tags; "" where it takes none.
    tags: str = ""
    #: How tags are changed, and what is tagged: a pattern, as those above.
    tagging: Tagging | None = None
    tagged: str = "{Arn}"
    #: Called with the members of ``identifier``: it is there, or not. "" where ids are made up.
    read_operation: str = ""
    #: Lists what is there where ids are made up by the service, and the member that has it.
    list_operation: str = ""
    listed: str = ""

    #: See :class:`ServiceKind`.
    reading: Reading | None = None
    noted: tuple[str, ...] = ()
    waits: ClassVar[bool] = False

    @property
    def appends(self) -> bool:
        """Whether another one may be made where one like it exists."""
        return bool(self.list_operation)

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        """See :meth:`ServiceKind.find`."""
        request = self._request(call, self.create_operation, wanted)
        known = {**request, "account": call.account, "region": call.region}
        if self.list_operation:
            asked = call.fit(self.service, self.list_operation, request)
            there = await every(call, self.service, self.list_operation, asked, self.listed)
            return [self._made({**known, **each}) for each in there]
        if not self.read_operation:
            return []
        made = self._made(known)
        asked = self._identity(call, self.read_operation, made)
        found = await forgiving(call, self.service, self.read_operation, asked)
        return [] if found is None else [made]

    async def create(self, call: Call, wanted: Wanted) -> Made:
        """See :meth:`Kind.create`."""
        request = self._request(call, self.create_operation, wanted)
        answer = await call(self.service, self.create_operation, request)
        known = _flat(answer) | {k: v for k, v in request.items() if k not in _flat(answer)}
        return self._made(known | {"account": call.account, "region": call.region})

    def _made(self, known: Mapping[str, Any]) -> Made:
        ref = _fill(self.ref, known)
        known = {**known, "ref": ref}
        attributes = {name: _fill(text, known) for name, text in self.attributes.items()}
        kept = {name: _fill(text, known) for name, text in self.identifier.items()}
        return Made(physical=ref, attributes={**attributes, **_hidden(kept)})

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        """See :meth:`Kind.update`."""
        after = wanted.properties
        if self.update_operation:
            wanted_so = replace(wanted, properties={**after, **self._gone(call, before, after)})
            request = self._request(call, self.update_operation, wanted_so)
            request |= self._identity(call, self.update_operation, made)
            await call(self.service, self.update_operation, request)
        elif self.tagging is None or _without_tags(before) != _without_tags(after):
            raise NotImplementedError(self.create_operation)
        if self.tagging is not None:
            known = {name.removeprefix(_HIDDEN): each for name, each in made.attributes.items()}
            known |= {"ref": made.physical, "account": call.account, "region": call.region}
            await self.tagging.change(call, _fill(self.tagged, known), before, wanted)
        return made

    def _gone(
        self, call: Call, before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return what an update says of that which is to be no more."""
        if self.whole or self.update_operation == self.create_operation:
            return {}
        found = {}
        for name, old in before.items():
            new = after.get(name)
            if name in self.merged and isinstance(old, Mapping):
                kept = new if isinstance(new, Mapping) else {}
                found[name] = {k: _emptied(v) for k, v in old.items() if k not in kept} | {**kept}
            elif name not in after:
                found[name] = self.cleared.get(name, _emptied(self._typed(call, name, old)))
        return {name: value for name, value in found.items() if value is not None}

    def _typed(self, call: Call, name: str, value: Any) -> Any:
        """Return a property's value as an update takes it: templates may have numbers as text."""
        member = {self.renamed.get(name, name): value}
        return next(iter(call.fit(self.service, self.update_operation, member).values()), None)

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        """See :meth:`Kind.delete`."""
        if not self.delete_operation:
            return
        request = self._identity(call, self.delete_operation, made)
        await forgiving(call, self.service, self.delete_operation, request)

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
        kept = {name: value for name, value in kept.items() if value != ""}
        return call.fit(self.service, operation, kept)


#: Before the names of attributes that ``Fn::GetAtt`` does not know.
_HIDDEN = "."


def _emptied(value: Any) -> Any:
    """Return the value of a kind that says nothing; None where numbers have none."""
    if isinstance(value, bool):
        return False
    return next((kind() for kind in (str, list, dict) if isinstance(value, kind)), None)


def _without_tags(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in properties.items() if name != "Tags"}


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
