"""Takes an order and puts it into the queue."""

import json
import os
import uuid

import boto3

sqs = boto3.client("sqs")


def handler(event, context):
    order = json.loads(event["body"]) if "body" in event else event
    if not order.get("items"):
        return _answer(400, {"message": "An order has items."})
    order = {
        "orderId": str(uuid.uuid4()),
        "customer": order.get("customer", "unknown"),
        "items": order["items"],
        "total": sum(item["price"] * item["quantity"] for item in order["items"]),
        "currency": os.environ["CURRENCY"],
    }
    sqs.send_message(QueueUrl=os.environ["QUEUE_URL"], MessageBody=json.dumps(order))
    print(f"accepted order {order['orderId']}")
    return _answer(202, order)


def _answer(status, body):
    headers = {"Content-Type": "application/json"}
    return {"statusCode": status, "headers": headers, "body": json.dumps(body)}
