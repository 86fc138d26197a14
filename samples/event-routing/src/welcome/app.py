"""Greets a customer, here into a queue."""

import os

import boto3

sqs = boto3.client("sqs")


def handler(event, context):
    email = event["detail"]["customer"]["email"]
    sqs.send_message(QueueUrl=os.environ["QUEUE_URL"], MessageBody=f"Welcome, {email}!")
