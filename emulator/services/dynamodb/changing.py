"""What UpdateTable makes of a table.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTable.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.dynamodb import creating
from emulator.services.dynamodb.creating import ON_DEMAND
from emulator.services.dynamodb.errors import invalid, invalid_value
from emulator.services.dynamodb.schema import Body, Table

_CHANGES = (
    "ProvisionedThroughput",
    "BillingMode",
    "GlobalSecondaryIndexUpdates",
    "StreamSpecification",
    "SSESpecification",
    "ReplicaUpdates",
    "TableClass",
    "DeletionProtectionEnabled",
    "OnDemandThroughput",
    "WarmThroughput",
)


def changed(
    table: Table, request: Mapping[str, Any], now: float
) -> tuple[Body, list[str], list[str]]:
    """Return what is kept of a table after a change, with the indexes added and removed.

    Raises:
        AwsError: The change is not valid.
    """
    if not any(name in request for name in _CHANGES):
        raise invalid(
            "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, "
            "GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required"
        )
    body: Body = {**table.body}
    _bill(table, body, request, now)
    _stream(table, body, request)
    for member, kept in (
        ("TableClass", "TableClass"),
        ("SSESpecification", "SSESpecification"),
        ("DeletionProtectionEnabled", "DeletionProtection"),
        ("OnDemandThroughput", "OnDemandThroughput"),
        ("WarmThroughput", "WarmThroughput"),
    ):
        if member in request:
            body[kept] = request[member]
    if request.get("TableClass") not in (None, table.body.get("TableClass", "STANDARD")):
        body["TableClassSince"] = now
    if request.get("ReplicaUpdates"):
        body["Replicas"] = _replicas(table, request["ReplicaUpdates"])
    added, removed = _indexes(table, body, request)
    return body, added, removed


def _bill(table: Table, body: Body, request: Mapping[str, Any], now: float) -> None:
    mode = request.get("BillingMode")
    if mode is not None and mode != table.body["BillingMode"]:
        body["BillingMode"] = mode
        if mode == ON_DEMAND:
            body["OnDemandSince"] = now
            body["Throughput"] = None
        elif "ProvisionedThroughput" not in request:
            raise invalid_value(
                "ProvisionedThroughput must be specified when BillingMode is PROVISIONED"
            )
        else:
            body.setdefault("OnDemandSince", table.body["Created"])
    if "ProvisionedThroughput" in request:
        if body["BillingMode"] == ON_DEMAND:
            raise invalid_value(
                "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when "
                "BillingMode is PAY_PER_REQUEST"
            )
        given = request["ProvisionedThroughput"]
        if given == table.body.get("Throughput") and len(request) == 2:
            raise invalid(
                "The provisioned throughput for the table will not change. The requested value "
                f"equals the current value. Current ReadCapacityUnits provisioned for the table: "
                f"{given['ReadCapacityUnits']}. Requested ReadCapacityUnits: "
                f"{given['ReadCapacityUnits']}. Current WriteCapacityUnits provisioned for the "
                f"table: {given['WriteCapacityUnits']}. Requested WriteCapacityUnits: "
                f"{given['WriteCapacityUnits']}. Refer to the Amazon DynamoDB Developer Guide for "
                "current limits and how to request higher limits."
            )
        body["Throughput"] = given


def _stream(table: Table, body: Body, request: Mapping[str, Any]) -> None:
    stream = request.get("StreamSpecification")
    if stream is None:
        return
    creating.check_stream(stream)
    if stream.get("StreamEnabled"):
        if table.stream:
            raise AwsError(
                "ValidationException",
                f"Table already has an enabled stream: TableName: {table.name}",
                status=400,
            )
        body["StreamSpecification"] = stream
    elif not table.stream:
        raise invalid(f"Table does not have a stream to disable: TableName: {table.name}")
    else:
        body["StreamSpecification"] = None


def _replicas(table: Table, updates: list[Mapping[str, Any]]) -> list[str]:
    found: list[str] = list(table.body.get("Replicas") or ())
    for each in updates:
        for action, given in each.items():
            region = given["RegionName"]
            if action == "Create":
                if region in found or region == table.body["Region"]:
                    raise invalid(
                        "Failed to create a the new replica of table with name: "
                        f"'{table.name}' because one or more replicas already existed as tables."
                    )
                found.append(region)
            elif action == "Delete":
                if region not in found:
                    raise invalid(
                        "Update global table operation failed because one or more replicas were "
                        "not part of the global table."
                    )
                found.remove(region)
            elif action == "Disassociate":
                raise AwsError(
                    "NotImplementedException",
                    "localfaas does not serve the disassociation of replicas.",
                    status=400,
                )
    return found


def _indexes(table: Table, body: Body, request: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    added: list[str] = []
    removed: list[str] = []
    indexes: list[Body] = list(table.body.get("GlobalIndexes") or ())
    definitions = _definitions(table, request)
    for update in request.get("GlobalSecondaryIndexUpdates") or ():
        if len(update) != 1:
            raise invalid_value(
                "One or more parameter values were invalid: Only one global secondary index update "
                "per index is allowed simultaneously."
            )
        [(action, given)] = update.items()
        name = given["IndexName"]
        there = next((each for each in indexes if each["IndexName"] == name), None)
        if action == "Create":
            if name in table.indexes:
                raise invalid(f"Attempting to create an index which already exists: {name}")
            creating.check_global(given, definitions, body)
            indexes.append(creating.number_index(body, given))
            added.append(name)
            continue
        if there is None:
            raise AwsError("ResourceNotFoundException", "Requested resource not found")
        at = indexes.index(there)
        if action == "Delete":
            del indexes[at]
            removed.append(name)
        else:
            kept = ("ProvisionedThroughput", "OnDemandThroughput", "WarmThroughput")
            indexes[at] = {**there, **{k: given[k] for k in kept if k in given}}
    body["GlobalIndexes"] = indexes
    if body["BillingMode"] == ON_DEMAND:
        for each in indexes:
            each.pop("ProvisionedThroughput", None)
    used = {
        element["AttributeName"]
        for each in [*indexes, *(body.get("LocalIndexes") or ()), body]
        for element in each["KeySchema"]
    }
    body["AttributeDefinitions"] = [each for each in definitions if each["AttributeName"] in used]
    return added, removed


def _definitions(table: Table, request: Mapping[str, Any]) -> list[Any]:
    """Return the attributes that are defined: those of the table, and new ones."""
    found = list(table.body["AttributeDefinitions"])
    known = {each["AttributeName"] for each in found}
    found += [
        each
        for each in request.get("AttributeDefinitions") or ()
        if each["AttributeName"] not in known
    ]
    return found
