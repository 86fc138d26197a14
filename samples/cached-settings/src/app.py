"""Greet somebody, with a parameter and a secret that the extension caches."""

import json
import os
from urllib.parse import urlencode
from urllib.request import Request, urlopen

PORT = os.environ.get("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", "2773")


def get(path, **query):
    """Ask the extension, which asks AWS only when its copy is too old."""
    token = os.environ["AWS_SESSION_TOKEN"]
    request = Request(
        f"http://localhost:{PORT}/{path}?{urlencode(query)}",
        headers={"X-Aws-Parameters-Secrets-Token": token},
    )
    with urlopen(request, timeout=5) as answer:
        return json.load(answer)


def handler(event, context):
    """Return a greeting, and the first letters of the key that it would be sent with."""
    fresh = {"refreshNow": "true"} if event.get("refresh") else {}
    greeting = get("systemsmanager/parameters/get", name=os.environ["GREETING"], **fresh)
    secret = get("secretsmanager/get", secretId=os.environ["API_KEY"], **fresh)
    key = json.loads(secret["SecretString"])["key"]
    return {"greeting": f"{greeting['Parameter']['Value']}, {event['name']}", "key": key[:3]}
