"""A chat: who comes is noted, who says something is heard by all, who goes is forgotten."""

import json
import os

import boto3

table = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])


def handler(event, context):
    """Serve a connection's coming, its going, and what it says."""
    where = event["requestContext"]
    if where["eventType"] == "CONNECT":
        table.put_item(Item={"id": where["connectionId"]})
    elif where["eventType"] == "DISCONNECT":
        table.delete_item(Key={"id": where["connectionId"]})
    else:
        say(where, json.loads(event["body"])["text"])
    return {"statusCode": 200}


def say(where, text):
    """Send a text to all who are there."""
    endpoint = f"https://{where['domainName']}/{where['stage']}"
    connections = boto3.client("apigatewaymanagementapi", endpoint_url=endpoint)
    for each in table.scan()["Items"]:
        try:
            connections.post_to_connection(ConnectionId=each["id"], Data=text.encode())
        except connections.exceptions.GoneException:
            table.delete_item(Key={"id": each["id"]})
