"""Says hello."""


def handler(event, context):
    """Return a greeting for the event's ``name``."""
    return {"greeting": f"Hello, {event.get('name', 'you')}!"}
