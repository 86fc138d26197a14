"""The same, but only who archives pays for the import: once, in an invocation."""


def handler(event, context):
    if event.get("archive"):
        import boto3

        return {"archived": boto3.session.Session().region_name}
    return {"total": sum(event.get("prices", []))}
