"""Inputs of executions: JSON, with errors worded like those of AWS's parser (Jackson)."""

from __future__ import annotations

import json
from typing import Any

from emulator.model.errors import AwsError
from emulator.workflows import json_text

_VALUES = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"


def check(text: str) -> Any:
    """Return what an input says.

    Raises:
        AwsError: InvalidExecutionInput: it is no JSON.
    """
    try:
        return json_text.read(text)
    except ValueError as error:
        reason = _complaint(text, error)
        message = f"Invalid State Machine Execution Input: '{reason}'"
        raise AwsError("InvalidExecutionInput", message) from error


def _complaint(text: str, error: ValueError) -> str:
    if not text.strip() or not isinstance(error, json.JSONDecodeError):
        return "Invalid execution input."
    if error.pos >= len(text):
        return "Unexpected end-of-input"
    char = text[error.pos]
    if error.msg.startswith("Expecting property name"):
        expected = "was expecting double-quote to start field name"
        return f"Unexpected character ('{char}' (code {ord(char)})): {expected}"
    if char.isalpha():
        end = error.pos
        while end < len(text) and (text[end].isalnum() or text[end] in "_$"):
            end += 1
        return f"Unrecognized token '{text[error.pos : end]}': was expecting {_VALUES}"
    return f"Unexpected character ('{char}' (code {ord(char)})): expected a valid value {_VALUES}"
