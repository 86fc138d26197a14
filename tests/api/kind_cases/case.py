"""What a case of the sweep says of a resource type, and what cases need most."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from tests.api.stacks import CODE, ROLE

#: Makes a client of boto3.
Clients = Callable[[str], Any]


class Ask(NamedTuple):
    """An operation that tells of a resource."""

    service: str
    operation: str
    #: "{R}" in a text stands for the physical id of the resource "R".
    request: dict[str, Any]
    #: The members of the answer that tell of it, one in the other; all where there are none.
    members: tuple[str, ...] = ()

    def answer(self, clients: Clients, ids: Mapping[str, str]) -> Any:
        """Return what the operation says; None where it refuses."""
        request = {
            name: value.format_map(ids) if isinstance(value, str) else value
            for name, value in self.request.items()
        }
        found = said(clients(self.service), self.operation, **request)
        for member in self.members:
            found = (found or {}).get(member)
        return found


#: Operations, or a function of clients and the physical id.
Read = Callable[[Clients, str], Any] | tuple[Ask, ...]


class Also(dict[str, Any]):
    """Several properties, where AWS takes one only with the others; None: without that one."""


class Case(NamedTuple):
    """A type, with what is changed of it."""

    base: dict[str, Any]
    #: Each by itself, beside what is in ``base``.
    changes: dict[str, Any]
    read: Read
    #: What it needs.
    beside: dict[str, Any] | None = None
    #: Members of answers that a removal leaves other than they were in the beginning.
    left: frozenset[str] = frozenset()
    #: Properties whose change makes another resource: all those that only a creation can set.
    replaces: dict[str, Any] = {}  # noqa: RUF012 -- nobody changes it
    #: Properties that no update by itself shows, each with the reason.
    unseen: dict[str, str] = {}  # noqa: RUF012 -- nobody changes it
    #: Whether it stays, as AWS says, when its stack lets go of it.
    stays: bool = False

    def look(self, clients: Clients, ids: Mapping[str, str]) -> Any:
        """Return what the service says of the resource; None where it is not there."""
        if isinstance(self.read, tuple):
            return {
                f"{number} {each.operation}": each.answer(clients, ids)
                for number, each in enumerate(self.read)
            }
        with suppress(ClientError, ValueError):
            return self.read(clients, ids["R"])
        return None


#: The bucket that has "layer.zip" and "other.zip".
CODE_BUCKET = "swept-code"
TAGS = [{"Key": "colour", "Value": "red"}]
DOCUMENT = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}],
}
BOUNDARY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


def trust(service: str) -> dict[str, Any]:
    """Return the document by which a service may take a role."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": f"{service}.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def policy(action: str, on: Any = "*") -> dict[str, Any]:
    """Return a resource's policy."""
    who = {"AWS": "arn:aws:iam::000000000000:root"}
    statement = {"Effect": "Allow", "Principal": who, "Action": action, "Resource": on}
    return {"Version": "2012-10-17", "Statement": [statement]}


def queue(**properties: Any) -> dict[str, Any]:
    """Return a queue of a template."""
    return {"Type": "AWS::SQS::Queue", "Properties": properties}


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    """Return a resource of a template."""
    return {"Type": kind, "Properties": properties}


def said(client: Any, operation: str, **request: Any) -> Any:
    """Return what an operation says; None where there is nothing."""
    with suppress(ClientError):
        found = getattr(client, operation)(**request)
        found.pop("ResponseMetadata", None)
        return found
    return None


FUNCTION = {"Code": CODE, "Handler": "index.handler", "Role": ROLE, "Runtime": "python3.12"}
F = {"F": resource("AWS::Lambda::Function", **FUNCTION)}
NAME_OF_F = {"FunctionName": {"Ref": "F"}}
Q = {"Q": queue()}
ARN_OF_Q = {"Fn::GetAtt": "Q.Arn"}
