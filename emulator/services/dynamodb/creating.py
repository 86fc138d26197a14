"""What CreateTable asks for, checked, as what is kept of a table.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from emulator.services.dynamodb.errors import invalid, invalid_value
from emulator.services.dynamodb.schema import Body

_MOST_GLOBAL, _MOST_LOCAL = 20, 5
_PROJECTIONS = ("ALL", "INCLUDE", "KEYS_ONLY")
ON_DEMAND = "PAY_PER_REQUEST"


def body_of(request: Mapping[str, Any], now: float) -> Body:
    """Return what is kept of a table that a request creates.

    Raises:
        AwsError: ValidationException.
    """
    definitions = request.get("AttributeDefinitions") or []
    key_schema = request.get("KeySchema")
    if key_schema is None:
        raise invalid_value("KeySchema must be specified")
    _check_throughput(request, "")
    check_key_schema(key_schema, definitions)
    local = request.get("LocalSecondaryIndexes")
    global_ = request.get("GlobalSecondaryIndexes")
    _check_lists(local, global_, key_schema)
    for each in local or ():
        _check_local(each, key_schema, definitions)
    for each in global_ or ():
        check_global(each, definitions, request)
    _check_names([*(local or ()), *(global_ or ())])
    used = {
        element["AttributeName"]
        for schema in [
            key_schema,
            *(each["KeySchema"] for each in [*(local or ()), *(global_ or ())]),
        ]
        for element in schema
    }
    check_definitions(definitions, used, has_indexes=bool(local or global_))
    stream = request.get("StreamSpecification")
    check_stream(stream)
    body: Body = {
        "TableId": str(uuid.uuid4()),
        "Created": now,
        "AttributeDefinitions": definitions,
        "KeySchema": key_schema,
        "BillingMode": request.get("BillingMode", "PROVISIONED"),
        "Throughput": request.get("ProvisionedThroughput"),
        "NextIndexNumber": 1,
        "DeletionProtection": bool(request.get("DeletionProtectionEnabled")),
        "Tags": {each["Key"]: each["Value"] for each in request.get("Tags") or ()},
    }
    for kind, given in (("LocalIndexes", local), ("GlobalIndexes", global_)):
        body[kind] = [number_index(body, each) for each in given or ()]
    for member in ("TableClass", "SSESpecification", "WarmThroughput", "OnDemandThroughput"):
        if request.get(member):
            body[member] = request[member]
    if stream and stream.get("StreamEnabled"):
        body["StreamSpecification"] = stream
    if request.get("ResourcePolicy"):
        body["Policy"] = {"Policy": request["ResourcePolicy"], "RevisionId": _revision(now)}
    return body


def _revision(now: float) -> str:
    return str(int(now * 1000))


def number_index(body: Body, given: Mapping[str, Any]) -> Body:
    """Return an index as it is kept, with a number of its own."""
    number = body["NextIndexNumber"]
    body["NextIndexNumber"] = number + 1
    return {**given, "Number": number}


def check_stream(stream: Mapping[str, Any] | None) -> None:
    """Check the specification of a stream.

    Raises:
        AwsError: ValidationException.
    """
    if stream is None:
        return
    if stream.get("StreamEnabled") and "StreamViewType" not in stream:
        raise invalid_value("StreamViewType is required when StreamEnabled is true")
    if not stream.get("StreamEnabled") and "StreamViewType" in stream:
        raise invalid_value(
            "Table is being created with a stream disabled, UpdateViewType should not be specified"
            if "StreamEnabled" in stream
            else "StreamEnabled must be specified"
        )


def _check_throughput(request: Mapping[str, Any], of: str) -> None:
    throughput = request.get("ProvisionedThroughput")
    if request.get("BillingMode") == ON_DEMAND:
        if throughput and throughput.get("ReadCapacityUnits", 0) + throughput.get(
            "WriteCapacityUnits", 0
        ):
            raise invalid_value(
                "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when "
                f"BillingMode is {ON_DEMAND}{of}"
            )
    elif throughput is None:
        raise invalid_value(
            "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is "
            f"PROVISIONED{of}"
        )


def _shown(elements: Iterable[Mapping[str, str]]) -> str:
    return ", ".join(each["AttributeName"] for each in elements)


def check_key_schema(
    schema: list[Mapping[str, str]], definitions: list[Mapping[str, str]], index: str = ""
) -> None:
    """Check a key schema, of a table or of an index.

    Raises:
        AwsError: ValidationException.
    """
    defined = [each["AttributeName"] for each in definitions]
    if any(each["AttributeName"] not in defined for each in schema):
        what = "Some index key attributes are not defined in AttributeDefinitions."
        raise invalid_value(
            f"{what} Keys: [{_shown(schema)}], AttributeDefinitions: [{_shown(definitions)}]"
        )
    if schema[0]["KeyType"] != "HASH":
        raise invalid("Invalid KeySchema: The first KeySchemaElement is not a HASH key type")
    if len(schema) > 2:
        raise invalid(
            "1 validation error detected: Value at 'keySchema' failed to satisfy constraint: "
            "Member must have length less than or equal to 2"
        )
    if len(schema) == 2:
        if schema[1]["KeyType"] != "RANGE":
            raise invalid("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type")
        if schema[0]["AttributeName"] == schema[1]["AttributeName"]:
            raise invalid(
                "Both the Hash Key and the Range Key element in the KeySchema have the same name"
            )


def _check_lists(
    local: list[Any] | None, global_: list[Any] | None, key_schema: list[Mapping[str, str]]
) -> None:
    if local is not None:
        if not local:
            raise invalid_value("List of LocalSecondaryIndexes is empty")
        if len(key_schema) < 2:
            raise invalid_value(
                "Table KeySchema does not have a range key, which is required when specifying a "
                "LocalSecondaryIndex"
            )
        if len(local) > _MOST_LOCAL:
            raise invalid_value("LocalSecondaryIndex count exceeds the per-table limit of 5")
    if global_ is not None:
        if not global_:
            raise invalid_value("List of GlobalSecondaryIndexes is empty")
        if len(global_) > _MOST_GLOBAL:
            raise invalid_value("GlobalSecondaryIndex count exceeds the per-table limit of 20")


def _check_local(
    given: Mapping[str, Any],
    key_schema: list[Mapping[str, str]],
    definitions: list[Mapping[str, str]],
) -> None:
    name, schema = given["IndexName"], given["KeySchema"]
    check_key_schema(schema, definitions, name)
    if len(schema) < 2:
        raise invalid_value(f"Index KeySchema does not have a range key for index: {name}")
    if schema[0]["AttributeName"] != key_schema[0]["AttributeName"]:
        raise invalid_value(
            "Index KeySchema does not have the same leading hash key as table KeySchema for "
            f"index: {name}. index hash key: {schema[0]['AttributeName']}, "
            f"table hash key: {key_schema[0]['AttributeName']}"
        )
    _check_projection(given)


def check_global(
    given: Mapping[str, Any],
    definitions: list[Mapping[str, str]],
    request: Mapping[str, Any],
) -> None:
    """Check a global index.

    Args:
        given: The index.
        definitions: The attributes that are defined.
        request: Its BillingMode counts.

    Raises:
        AwsError: ValidationException.
    """
    name = given["IndexName"]
    check_key_schema(given["KeySchema"], definitions, name)
    _check_projection(given)
    throughput = given.get("ProvisionedThroughput")
    if request.get("BillingMode", "PROVISIONED") == ON_DEMAND:
        if throughput and throughput.get("ReadCapacityUnits", 0):
            raise invalid_value(
                "ProvisionedThroughput should not be specified for index: "
                f"{name} when BillingMode is {ON_DEMAND}"
            )
    elif throughput is None:
        raise invalid_value(f"ProvisionedThroughput must be specified for index: {name}")


def _check_projection(given: Mapping[str, Any]) -> None:
    projection = given.get("Projection")
    if projection is None:
        raise invalid_value(f"Projection must be specified for index: {given['IndexName']}")
    kind, names = projection.get("ProjectionType"), projection.get("NonKeyAttributes")
    if kind not in _PROJECTIONS:
        raise invalid_value(f"Unknown ProjectionType: {'null' if kind is None else kind}")
    if kind != "INCLUDE" and names is not None:
        raise invalid_value(f"ProjectionType is {kind}, but NonKeyAttributes is specified")
    if kind == "INCLUDE" and not names:
        raise invalid_value("ProjectionType is INCLUDE, but NonKeyAttributes is not specified")


def _check_names(indexes: Iterable[Mapping[str, Any]]) -> None:
    seen = set()
    for each in indexes:
        if each["IndexName"] in seen:
            raise invalid_value(f"Duplicate index name: {each['IndexName']}")
        seen.add(each["IndexName"])


def check_definitions(
    definitions: list[Mapping[str, str]], used: set[str], *, has_indexes: bool
) -> None:
    """Check that exactly the attributes of keys are defined.

    Raises:
        AwsError: ValidationException.
    """
    defined = [each["AttributeName"] for each in definitions]
    for name in defined:
        if defined.count(name) > 1:
            raise invalid_value(f"Duplicate AttributeName in AttributeDefinitions: {name}")
    if set(defined) == used:
        return
    if has_indexes:
        raise invalid_value(
            "Some AttributeDefinitions are not used. AttributeDefinitions: "
            f"[{', '.join(defined)}], keys used: [{', '.join(sorted(used))}]"
        )
    raise invalid_value(
        "Number of attributes in KeySchema does not exactly match number of attributes defined in "
        "AttributeDefinitions"
    )
