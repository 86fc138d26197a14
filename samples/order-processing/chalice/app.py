"""The order-processing sample for Chalice: accepted by one function, processed by another."""

import json
import os
import uuid

import boto3
from chalice import Chalice

app = Chalice(app_name="orders")


@app.lambda_function(name="create")
def create(event, context):
    order = {
        "orderId": str(uuid.uuid4()),
        "items": event["items"],
        "total": sum(item["price"] * item["quantity"] for item in event["items"]),
        "currency": os.environ["CURRENCY"],
    }
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName=os.environ["QUEUE"])["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps(order))
    return order


@app.on_sqs_message(queue="chalice-orders", batch_size=10)
def process(event):
    for record in event:
        print(f"processing order {json.loads(record.body)['orderId']}")
