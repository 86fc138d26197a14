"""A small function: an event goes in, a result comes out."""

import os


def handler(event, context):
    name = event.get("name", "world")
    print(f"greeting {name}")
    return {
        "message": f"{os.environ.get('GREETING', 'Hello')}, {name}!",
        "function": context.function_name,
        "requestId": context.aws_request_id,
    }
