"""A function that ends its own process takes the environment with it."""

import sys


def handler(event, context):
    sys.exit(event.get("status", 0))
