"""Tells of accounts that have fallen below zero."""

import os

import boto3

sqs = boto3.client("sqs")


def handler(event, context):
    for record in event["Records"]:
        account = record["dynamodb"]["Keys"]["account"]["S"]
        sqs.send_message(QueueUrl=os.environ["QUEUE_URL"], MessageBody=account)
