"""A link that a person follows: it answers the workflow that waits."""

import json

import boto3

states = boto3.client("stepfunctions")


def handler(event, context):
    given = event.get("queryStringParameters") or {}
    token = given["token"]
    if given.get("answer") == "yes":
        output = json.dumps({"by": given.get("by", "somebody")})
        states.send_task_success(taskToken=token, output=output)
    else:
        states.send_task_failure(taskToken=token, error="Rejected", cause=given.get("why", ""))
    return {"statusCode": 200, "body": "Thank you."}
