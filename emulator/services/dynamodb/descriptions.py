"""Tables as the API shows them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from emulator.services.dynamodb.creating import ON_DEMAND
from emulator.services.dynamodb.schema import Body, Table

#: What tables on demand can take at once.
_WARM_ON_DEMAND = {"ReadUnitsPerSecond": 12000, "WriteUnitsPerSecond": 4000}

Counts = tuple[int, int, Mapping[str, int]]
_EMPTY: Counts = (0, 0, {})


def table(found: Table, counts: Counts = _EMPTY, *, status: str = "ACTIVE") -> dict[str, Any]:
    """Return a TableDescription.

    Args:
        found: The table.
        counts: Its items, their bytes, and the items of its indexes by name.
        status: What it is at.
    """
    body = found.body
    shown: dict[str, Any] = {
        "AttributeDefinitions": body["AttributeDefinitions"],
        "TableName": found.name,
        "KeySchema": body["KeySchema"],
        "TableStatus": status,
        "CreationDateTime": body["Created"],
        "ProvisionedThroughput": _throughput(body.get("Throughput")),
        "TableSizeBytes": counts[1],
        "ItemCount": counts[0],
        "TableArn": found.arn,
        "TableId": body["TableId"],
        "DeletionProtectionEnabled": body["DeletionProtection"],
    }
    if body["BillingMode"] == ON_DEMAND or body.get("OnDemandSince"):
        shown["BillingModeSummary"] = {"BillingMode": body["BillingMode"]}
        if status != "CREATING":
            since = body.get("OnDemandSince") or body["Created"]
            shown["BillingModeSummary"]["LastUpdateToPayPerRequestDateTime"] = since
    local = [_index(found, each, counts) for each in body.get("LocalIndexes") or ()]
    if local:
        shown["LocalSecondaryIndexes"] = local
    global_ = [
        _global_index(found, each, counts, status) for each in body.get("GlobalIndexes") or ()
    ]
    if global_:
        shown["GlobalSecondaryIndexes"] = global_
    shown |= _extras(found, status)
    return shown


def _extras(found: Table, status: str) -> dict[str, Any]:
    body = found.body
    shown: dict[str, Any] = {}
    if body.get("StreamSpecification"):
        shown["StreamSpecification"] = body["StreamSpecification"]
    if body.get("StreamLabel"):
        shown["LatestStreamLabel"] = body["StreamLabel"]
        shown["LatestStreamArn"] = f"{found.arn}/stream/{body['StreamLabel']}"
    if body.get("TableClass"):
        shown["TableClassSummary"] = {
            "TableClass": body["TableClass"],
            "LastUpdateDateTime": body.get("TableClassSince"),
        }
    if body.get("OnDemandThroughput"):
        shown["OnDemandThroughput"] = body["OnDemandThroughput"]
    if body.get("RestoreSummary"):
        shown["RestoreSummary"] = body["RestoreSummary"]
    sse = encryption(found)
    if sse:
        shown["SSEDescription"] = sse
    replicas = body.get("Replicas")
    if replicas:
        shown["GlobalTableVersion"] = "2019.11.21"
        shown["Replicas"] = [
            {"RegionName": each, "ReplicaStatus": "ACTIVE"}
            for each in [*replicas, body["Region"]]
            if each != found.region
        ]
    if body.get("WarmThroughput") or status == "ACTIVE":
        warm = "ACTIVE" if status == "ACTIVE" else "UPDATING"
        shown["WarmThroughput"] = {**_warm(body, body), "Status": warm}
    return shown


def encryption(found: Table) -> dict[str, Any] | None:
    """Return how a table is encrypted, where it is by a key of KMS."""
    given = found.body.get("SSESpecification") or {}
    if not given.get("Enabled"):
        return None
    place = f"arn:aws:kms:{found.region}:{found.account}"
    # The key that AWS manages is the same for all tables of an account and region.
    key = given.get("KMSMasterKeyId") or str(uuid.uuid5(uuid.NAMESPACE_URL, place))
    if not key.startswith("arn:"):
        key = f"{place}:{'' if key.startswith('alias/') else 'key/'}{key}"
    return {"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": key}


def _throughput(given: Mapping[str, Any] | None) -> dict[str, Any]:
    given = given or {}
    return {
        "NumberOfDecreasesToday": 0,
        "ReadCapacityUnits": given.get("ReadCapacityUnits", 0),
        "WriteCapacityUnits": given.get("WriteCapacityUnits", 0),
    }


def _warm(given: Mapping[str, Any], body: Body) -> dict[str, Any]:
    throughput = given.get("Throughput") or given.get("ProvisionedThroughput")
    if body["BillingMode"] == ON_DEMAND or not throughput:
        least = dict(_WARM_ON_DEMAND)
    else:
        least = {
            "ReadUnitsPerSecond": throughput["ReadCapacityUnits"],
            "WriteUnitsPerSecond": throughput["WriteCapacityUnits"],
        }
    return least | (given.get("WarmThroughput") or {})


def _index(found: Table, given: Body, counts: Counts) -> dict[str, Any]:
    name = given["IndexName"]
    items = counts[2].get(name, 0)
    return {
        "IndexName": name,
        "KeySchema": given["KeySchema"],
        "Projection": given["Projection"],
        "IndexSizeBytes": counts[1] * items // counts[0] if counts[0] else 0,
        "ItemCount": items,
        "IndexArn": f"{found.arn}/index/{name}",
    }


def _global_index(found: Table, given: Body, counts: Counts, status: str) -> dict[str, Any]:
    shown = _index(found, given, counts)
    is_new = status == "CREATING" or given.get("IsNew")
    shown["IndexStatus"] = "CREATING" if is_new else "ACTIVE"
    if given.get("IsNew"):
        shown["Backfilling"] = False
    shown["ProvisionedThroughput"] = _throughput(given.get("ProvisionedThroughput"))
    if given.get("OnDemandThroughput"):
        shown["OnDemandThroughput"] = given["OnDemandThroughput"]
    if given.get("WarmThroughput") or status == "ACTIVE":
        warm = "ACTIVE" if status == "ACTIVE" else "UPDATING"
        shown["WarmThroughput"] = {**_warm(given, found.body), "Status": warm}
    return shown


def deleted(found: Table, counts: Counts) -> dict[str, Any]:
    """Return what DeleteTable shows of a table."""
    whole = table(found, counts, status="DELETING")
    names = (
        "TableName",
        "TableStatus",
        "ProvisionedThroughput",
        "TableSizeBytes",
        "ItemCount",
        "TableArn",
        "TableId",
        "BillingModeSummary",
        "DeletionProtectionEnabled",
    )
    return {name: whole[name] for name in names if name in whole}
