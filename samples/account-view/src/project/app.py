"""Keeps the balance of each account; a payment that comes twice is counted once."""

import base64
import json
import os

import boto3

client = boto3.client("dynamodb")
TABLE = os.environ["TABLE_NAME"]


def add(account, amount, sequence):
    """Add a payment, unless it was added before: sequence numbers grow within an account."""
    key = {"account": {"S": account}}
    try:
        found = client.update_item(
            TableName=TABLE,
            Key=key,
            UpdateExpression="ADD balance :amount SET last_payment = :sequence",
            ConditionExpression="attribute_not_exists(last_payment) OR last_payment < :sequence",
            ExpressionAttributeValues={
                ":amount": {"N": str(amount)},
                ":sequence": {"S": sequence},
            },
            ReturnValues="ALL_NEW",
        )["Attributes"]
    except client.exceptions.ConditionalCheckFailedException:
        return
    overdrawn = float(found["balance"]["N"]) < 0
    if overdrawn != found.get("overdrawn", {"BOOL": False})["BOOL"]:
        client.update_item(
            TableName=TABLE,
            Key=key,
            UpdateExpression="SET overdrawn = :overdrawn",
            ExpressionAttributeValues={":overdrawn": {"BOOL": overdrawn}},
        )


def handler(event, context):
    for record in event["Records"]:
        sequence = record["kinesis"]["sequenceNumber"]
        try:
            payment = json.loads(base64.b64decode(record["kinesis"]["data"]))
            add(payment["account"], payment["amount"], sequence)
        except (KeyError, ValueError) as error:
            print(f"payment {sequence} can't be read: {error}")
            return {"batchItemFailures": [{"itemIdentifier": sequence}]}
    return {"batchItemFailures": []}
