"""Says how many days it takes until what is asked for can be had."""

import json
import os

import boto3

sqs = boto3.client("sqs")
DAYS = {"bolt": 1, "nut": 1, "plate": 9}


def handler(event, context):
    for record in event["Records"]:
        request = json.loads(record["body"])
        days = max(DAYS[item] for item in request["items"])
        part = {"request": request["request"], "part": "days", "value": days}
        sqs.send_message(QueueUrl=os.environ["PARTS_URL"], MessageBody=json.dumps(part))
