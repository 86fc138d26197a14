"""All callers pay for an import that few of them need."""

import boto3


def handler(event, context):
    if event.get("archive"):
        return {"archived": boto3.session.Session().region_name}
    return {"total": sum(event.get("prices", []))}
