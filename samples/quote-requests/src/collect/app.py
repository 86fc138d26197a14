"""Puts the parts of a quote together; a part that comes twice changes nothing."""

import json
import os

import boto3

table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
sqs = boto3.client("sqs")


def handler(event, context):
    for record in event["Records"]:
        part = json.loads(record["body"])
        known = table.update_item(
            Key={"request": part["request"]},
            UpdateExpression="SET #part = :value",
            ExpressionAttributeNames={"#part": part["part"]},
            ExpressionAttributeValues={":value": part["value"]},
            ReturnValues="ALL_NEW",
        )["Attributes"]
        if {"price", "days"} <= known.keys():
            quote = {
                "request": part["request"],
                "price": int(known["price"]),
                "days": int(known["days"]),
            }
            sqs.send_message(QueueUrl=os.environ["QUOTES_URL"], MessageBody=json.dumps(quote))
