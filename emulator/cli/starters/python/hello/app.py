"""A function that greets."""

# What stands here runs once for each environment: at a cold start.
GREETING = "Hello"


def handler(event, context):
    """Return a greeting for the name in the event."""
    name = event.get("name", "world")
    print(f"greeting {name}")
    return {"message": f"{GREETING}, {name}!"}
