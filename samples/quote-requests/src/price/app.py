"""Prices what is asked for."""

import json
import os

import boto3

sqs = boto3.client("sqs")
PRICES = {"bolt": 2, "nut": 1, "plate": 40}


def handler(event, context):
    for record in event["Records"]:
        request = json.loads(record["body"])
        total = sum(PRICES[item] * count for item, count in request["items"].items())
        part = {"request": request["request"], "part": "price", "value": total}
        sqs.send_message(QueueUrl=os.environ["PARTS_URL"], MessageBody=json.dumps(part))
