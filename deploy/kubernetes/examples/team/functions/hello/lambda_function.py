"""Says hello."""


def lambda_handler(event, context):
    return {"greeting": f"Hello, {event.get('name', 'you')}!"}
