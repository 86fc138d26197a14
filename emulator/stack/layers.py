"""Layers whose content lies next to the template.

https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/
sam-resource-layerversion.html
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from emulator.stack.declarations import LayerDeclaration
from emulator.stack.document import Unresolved, Values

KINDS = ("AWS::Serverless::LayerVersion", "AWS::Lambda::LayerVersion")


def read_layer(
    path: Path,
    logical: str,
    properties: dict[str, Any],
    values: Values,
    *,
    region: str,
    account: str,
) -> LayerDeclaration | None:
    """Return one layer; None if its content is no folder here: functions say that they miss it."""
    try:
        name = values.resolve(properties.get("LayerName"), logical, "LayerName") or logical
        where = "ContentUri" if "ContentUri" in properties else "Content"
        content = values.resolve(properties.get(where), logical, where)
    except Unresolved:
        return None
    if not isinstance(name, str) or not re.fullmatch(r"[a-zA-Z0-9_-]{1,140}", name):
        return None
    if not isinstance(content, str) or content.startswith("s3://"):
        return None
    folder = path.parent / content
    try:
        if not folder.is_dir():
            return None
    except (OSError, ValueError):
        return None  # no name of a folder at all
    return LayerDeclaration(
        arn=f"arn:aws:lambda:{region}:{account}:layer:{name}:1", folder=folder.resolve()
    )
