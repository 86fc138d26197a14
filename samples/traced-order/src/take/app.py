"""Take an order, and put it into the queue."""

import json
import os

import boto3
from aws_lambda_powertools import Tracer

tracer = Tracer()
sqs = boto3.client("sqs")


@tracer.capture_method
def check(order: dict) -> dict:
    """Return an order that may be taken."""
    tracer.put_annotation("order", order["id"])
    return order


@tracer.capture_lambda_handler
def handler(event, context):
    """Answer POST /orders."""
    order = check(json.loads(event["body"]))
    sqs.send_message(QueueUrl=os.environ["QUEUE_URL"], MessageBody=json.dumps(order))
    return {"statusCode": 202, "body": json.dumps({"taken": order["id"]})}
