"""Takes orders from the queue and writes them to the table."""

import json
import os
from decimal import Decimal

import boto3

table = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])


def handler(event, context):
    failed = []
    for record in event["Records"]:
        order = json.loads(record["body"], parse_float=Decimal)
        print(f"processing order {order['orderId']}")
        try:
            table.put_item(Item={**order, "status": "PROCESSED"})
        except Exception as error:
            print(f"order {order['orderId']} was not written: {error}")
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
