"""Store the orders of the queue in the table."""

import json
import os

import boto3
from aws_lambda_powertools import Tracer

tracer = Tracer()
table = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])


@tracer.capture_lambda_handler
def handler(event, context):
    """Put each order of a batch."""
    for record in event["Records"]:
        order = json.loads(record["body"])
        table.put_item(Item=order)
        tracer.put_annotation("order", order["id"])
