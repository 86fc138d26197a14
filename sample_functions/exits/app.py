"""A function that ends its own process: the call fails, and the runtime starts anew."""

import sys


def handler(event, context):
    sys.exit(event.get("status", 0))
