"""Which route a message means, by the API's selection expression. Pure.

https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-develop-routes.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

DEFAULT, CONNECT, DISCONNECT = "$default", "$connect", "$disconnect"
_VARIABLE = re.compile(r"\$\{?request\.(body|header|querystring)\.([A-Za-z0-9_.\-]+)\}?")


def route_key(expression: str, body: str, headers: Mapping[str, str] = {}) -> str:
    """Return what a selection expression gives for a message; "" for nothing.

    Args:
        expression: "$request.body.action", or more than one variable with text between them.
        body: The message.
        headers: Of the connection's handshake.
    """
    document: Any = None
    if "body" in expression:
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            document = None

    def value(match: re.Match[str]) -> str:
        if match[1] == "body":
            return _text(_at(document, match[2].split(".")))
        return headers.get(match[2].lower(), "") if match[1] == "header" else ""

    return _VARIABLE.sub(value, expression)


def select(routes: Mapping[str, Any], key: str) -> Any | None:
    """Return the route of a key, or the default one; None if there is neither.

    Clients cannot call what is called when they come and go.
    """
    found = None if key in (CONNECT, DISCONNECT) else routes.get(key)
    return found or routes.get(DEFAULT)


def _at(document: Any, path: list[str]) -> Any:
    for name in path:
        document = document.get(name) if isinstance(document, dict) else None
    return document


def _text(value: Any) -> str:
    if value is None or isinstance(value, (dict, list)):
        return ""
    return value if isinstance(value, str) else json.dumps(value)
