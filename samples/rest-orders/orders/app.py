"""Orders: GET /orders/{id} and POST /orders."""

import json
import uuid

#: What this environment has taken; a table in earnest.
ORDERS = {"1": {"id": "1", "item": "book", "quantity": 2}}


def handler(event, context):
    if event["httpMethod"] == "POST":
        order = {**json.loads(event["body"]), "id": str(uuid.uuid4())}
        ORDERS[order["id"]] = order
        return answer(201, order)
    order = ORDERS.get(event["pathParameters"]["id"])
    if order is None:
        return answer(404, {"message": "There is no such order."})
    return answer(200, order)


def answer(status, body):
    headers = {"Content-Type": "application/json", "Access-Control-Allow-Origin": "*"}
    return {"statusCode": status, "headers": headers, "body": json.dumps(body)}
