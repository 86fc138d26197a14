"""The attributes of messages: their names, types and values.

https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from emulator.model.errors import AwsError

_LONGEST_NAME = 256
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.-]")


def read(name: str, attribute: Mapping[str, Any]) -> dict[str, Any]:
    """Return an attribute as it is kept: its type, and the one value that the type has.

    Raises:
        AwsError: ParameterValueInvalid.
    """
    _check_name(name)
    kind = attribute.get("DataType") or ""
    base = kind.partition(".")[0]
    if base not in ("String", "Number", "Binary"):
        raise _wrong(
            f"The message attribute '{name}' has an invalid message attribute type, the set of "
            "supported type prefixes is Binary, Number, and String."
        )
    field = "Binary" if base == "Binary" else "String"
    value = attribute.get(f"{field}Value")
    if value is None and attribute.keys() & {"BinaryValue", "StringValue"}:
        raise _wrong(f"The message attribute '{name}' with type '{kind}' must use field '{field}'.")
    if not value:
        raise _wrong(
            f"The message attribute '{name}' must contain non-empty message attribute value for "
            f"message attribute type '{kind}'."
        )
    if base == "Number":
        try:
            float(value)
        except ValueError as error:
            raise _wrong(f"Could not cast message attribute '{name}' value to number.") from error
    return {"DataType": kind, f"{field}Value": value}


def _check_name(name: str) -> None:
    if not name:
        raise _wrong("The request must contain non-empty message attribute name.")
    if len(name) > _LONGEST_NAME:
        raise _wrong("Length of message attribute name must be less than 256 bytes.")
    if found := _NOT_IN_NAMES.search(name):
        # In these words: https://github.com/falcosecurity/falcosidekick/pull/419
        raise _wrong(
            f"Invalid non-alphanumeric character '#x{ord(found[0]):X}' was found in the message "
            "attribute name. Can only include alphanumeric characters, hyphens, underscores, or "
            "dots."
        )
    for begins, place in ((name.startswith("."), "starting"), (name.endswith("."), "ending")):
        if begins:
            raise _wrong(f"Invalid message attribute name {place} with character '.' was found.")
    if ".." in name:
        raise _wrong("Message attribute name can not have successive '.' characters.")


def _wrong(text: str) -> AwsError:
    return AwsError("ParameterValueInvalid", text)
