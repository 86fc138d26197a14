"""Addresses of AWS that mean something of this emulator, replaced by those they have here.

A template builds the address of a function URL or an API by hand
(``https://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}/Prod``); it leads to AWS.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

_ADDRESS = re.compile(
    r"(?P<scheme>https?|wss?)://(?P<id>[a-z0-9-]+)\.(?P<kind>[a-z0-9-]+)\.(?P<region>[a-z0-9-]+)"
    r"\.(?:on\.aws|amazonaws\.com(?:\.cn)?)(?=[/:?#]|$)"
)
#: Returns an address here by (scheme, id, region), without a slash at its end; None: it is not.
Finder = Callable[[str, str, str], "str | None"]


def replace(text: str, finders: Mapping[str, Finder]) -> str:
    """Return ``text`` with each address that is known here replaced.

    Args:
        text: A value of a template.
        finders: By what stands behind the id in the host: "lambda-url", "execute-api".
    """
    if "://" not in text:
        return text

    def local(match: re.Match[str]) -> str:
        find = finders.get(match["kind"])
        found = find(match["scheme"], match["id"], match["region"]) if find is not None else None
        return match[0] if found is None else found

    return _ADDRESS.sub(local, text)


def replace_all(value: Any, finders: Mapping[str, Finder]) -> Any:
    """Return a value with the addresses in all its texts replaced."""
    if isinstance(value, str):
        return replace(value, finders)
    if isinstance(value, dict):
        return {key: replace_all(item, finders) for key, item in value.items()}
    if isinstance(value, list):
        return [replace_all(item, finders) for item in value]
    return value
