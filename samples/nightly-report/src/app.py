"""Counts the visits of a day, and writes a report."""

import json
import os
from collections import Counter

import boto3

sqs = boto3.client("sqs")


def handler(event, context):
    pages = Counter()
    while messages := _receive():
        for message in messages:
            pages[message["Body"]] += 1
            sqs.delete_message(
                QueueUrl=os.environ["VISITS"], ReceiptHandle=message["ReceiptHandle"]
            )
    report = {"night": event["scheduled"], "pages": dict(pages)}
    sqs.send_message(QueueUrl=os.environ["REPORTS"], MessageBody=json.dumps(report))
    print(f"{sum(pages.values())} visits")


def _receive():
    answer = sqs.receive_message(QueueUrl=os.environ["VISITS"], MaxNumberOfMessages=10)
    return answer.get("Messages", [])
