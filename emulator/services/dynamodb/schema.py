"""A table as data: its key, its indexes, and how items become keys."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple
from zlib import crc32

from emulator.services.dynamodb.errors import invalid, invalid_value, wrong_key
from emulator.services.dynamodb.values import Item, Value, encode_key, kind_of, size_of

Body = dict[str, Any]

#: Bytes of the values of keys.
_MAX_PARTITION_BYTES = 2048
_MAX_SORT_BYTES = 1024


class Key(NamedTuple):
    """A primary key as bytes, in the order of a scan."""

    partition: bytes
    sort: bytes


def partition_bytes(value: Value) -> bytes:
    """Return a partition key's value, with its hash in front."""
    encoded = encode_key(value)
    return crc32(encoded).to_bytes(4) + encoded


class KeySchema:
    """The names of one or two attributes that are a key.

    Args:
        elements: As the API has them.
        types: The types of attributes by name.
    """

    def __init__(self, elements: list[Mapping[str, str]], types: Mapping[str, str]) -> None:
        self.elements = elements
        by_kind = {each["KeyType"]: each["AttributeName"] for each in elements}
        self.partition = by_kind["HASH"]
        self.sort = by_kind.get("RANGE")
        self.names = tuple(each["AttributeName"] for each in elements)
        self.types = {name: types[name] for name in self.names}

    def key(self, item: Mapping[str, Value]) -> Key:
        """Return the key of an item that has one."""
        sort = self.sort
        return Key(partition_bytes(item[self.partition]), encode_key(item[sort]) if sort else b"")

    def attributes(self, item: Mapping[str, Value]) -> Item:
        """Return the key's attributes of an item."""
        return {name: item[name] for name in self.names}

    def is_in(self, item: Mapping[str, Value]) -> bool:
        """Say whether an item has all attributes of the key."""
        return all(name in item for name in self.names)


class Index(KeySchema):
    """A secondary index.

    Args:
        body: As it is kept.
        types: The types of attributes by name.
        is_global: Whether it has a partition key of its own.
    """

    def __init__(self, body: Body, types: Mapping[str, str], *, is_global: bool) -> None:
        super().__init__(body["KeySchema"], types)
        self.body = body
        self.name: str = body["IndexName"]
        self.number: int = body["Number"]
        self.is_global = is_global
        projection = body.get("Projection") or {}
        self.projection: str = projection.get("ProjectionType", "ALL")
        self.included: tuple[str, ...] = tuple(projection.get("NonKeyAttributes") or ())


class Table:
    """A table. A change makes a new one.

    Args:
        number: What its rows are kept by.
        account, region, name: Whose it is.
        body: What is kept of it.
    """

    def __init__(self, number: int, account: str, region: str, name: str, body: Body) -> None:
        self.number = number
        self.account = account
        self.region = region
        self.name = name
        self.body = body
        self.types = {
            each["AttributeName"]: each["AttributeType"] for each in body["AttributeDefinitions"]
        }
        self.schema = KeySchema(body["KeySchema"], self.types)
        self.indexes = {
            each["IndexName"]: Index(each, self.types, is_global=is_global)
            for kind, is_global in (("LocalIndexes", False), ("GlobalIndexes", True))
            for each in body.get(kind) or ()
        }
        self.expiry: str = body.get("ExpiryAttribute") or ""
        #: The number of the stream that takes records; 0 for none.
        self.stream: int = body.get("StreamNumber") or 0
        self.destinations: list[Body] = [
            each for each in body.get("Destinations") or () if each["Status"] == "ACTIVE"
        ]

    @cached_property
    def arn(self) -> str:
        """Its ARN."""
        return f"arn:aws:dynamodb:{self.region}:{self.account}:table/{self.name}"

    @property
    def view(self) -> str:
        """What its stream's records show."""
        return str((self.body.get("StreamSpecification") or {}).get("StreamViewType", ""))

    def with_body(self, **changes: Any) -> Table:
        """Return it with changes of what is kept of it."""
        body = {**self.body, **changes}
        return Table(self.number, self.account, self.region, self.name, body)

    def key_of(self, given: Mapping[str, Value] | None) -> Key:
        """Return a key that a request names.

        Raises:
            AwsError: ValidationException: it is none of this table.
        """
        schema = self.schema
        if given is None or len(given) != len(schema.names):
            raise wrong_key()
        for name, kind in schema.types.items():
            if name not in given or kind_of(given[name]) != kind:
                raise wrong_key()
            check_key_value(name, given[name], is_sort=name == schema.sort)
        return schema.key(given)

    def check_new(self, item: Mapping[str, Value]) -> Key:
        """Check the keys of an item that is to be put; returns its key.

        Raises:
            AwsError: ValidationException.
        """
        schema = self.schema
        for name, kind in schema.types.items():
            value = item.get(name)
            if value is None:
                raise invalid_value(f"Missing the key {name} in the item")
            if kind_of(value) != kind:
                raise invalid_value(
                    f"Type mismatch for key {name} expected: {kind} actual: {kind_of(value)}"
                )
            check_key_value(name, value, is_sort=name == schema.sort)
        self.check_indexes(item)
        return schema.key(item)

    def check_indexes(self, item: Mapping[str, Value]) -> None:
        """Check what an item has of the keys of indexes.

        Raises:
            AwsError: ValidationException.
        """
        for index in self.indexes.values():
            for name, kind in index.types.items():
                value = item.get(name)
                if value is None:
                    continue
                if kind_of(value) != kind:
                    raise invalid_value(
                        f"Type mismatch for Index Key {name} Expected: {kind} "
                        f"Actual: {kind_of(value)} IndexName: {index.name}"
                    )
                if kind != "N" and not value[kind]:
                    raise invalid(
                        "One or more parameter values are not valid. A value specified for a "
                        "secondary index key is not supported. The AttributeValue for a key "
                        f"attribute cannot contain an empty {_LONG[kind]} value. "
                        f"IndexName: {index.name}, IndexKey: {name}"
                    )

    def find_index(self, name: str) -> Index:
        """Return an index.

        Raises:
            AwsError: ValidationException: there is none of this name.
        """
        found = self.indexes.get(name)
        if found is None:
            raise invalid(f"The table does not have the specified index: {name}")
        return found


_LONG = {"S": "string", "B": "binary"}


def check_key_value(name: str, value: Value, *, is_sort: bool) -> None:
    """Check the value of a key's attribute.

    Raises:
        AwsError: ValidationException.
    """
    kind = kind_of(value)
    if kind == "N":
        return
    size = size_of(value)
    if not size:
        raise invalid(
            "One or more parameter values are not valid. The AttributeValue for a key attribute "
            f"cannot contain an empty {_LONG[kind]} value. Key: {name}"
        )
    if is_sort and size > _MAX_SORT_BYTES:
        raise invalid_value(
            "Aggregated size of all range keys has exceeded the size limit of 1024 bytes"
        )
    if not is_sort and size > _MAX_PARTITION_BYTES:
        raise invalid_value("Size of hashkey has exceeded the maximum size limit of2048 bytes")
