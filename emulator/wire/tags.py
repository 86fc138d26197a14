"""Tags in requests: which of them no service takes, in the words of each.

Whatever operation gives a resource tags has them in a member ``Tags`` of its input, a map or a list
of keys and values. What depends on the tags that are there already (their number) is the
operation's to check.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from emulator.model import system_tags
from emulator.model.errors import AwsError
from emulator.wire.deviations import TagRules
from emulator.wire.model import Operation, ServiceModel
from emulator.wire.patterns import matcher

_LONGEST_KEY = 128
_LONGEST_VALUE = 256
_MOST = 50
_CHARACTERS = r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*"

#: (keys, values): raises the AwsError of the first that is not taken.
TagCheck = Callable[[Sequence[str], Sequence[str]], None]


def compile_tags(
    model: ServiceModel, operation: Operation, code: str
) -> Callable[[Mapping[str, Any]], None] | None:
    """Return what checks the tags of an operation's requests; None where it takes none.

    Args:
        model: The service's model.
        operation: The operation.
        code: The code of violated constraints.
    """
    rules = model.deviations.tags
    members = {} if operation.input is None else model.shapes[operation.input].get("members", {})
    name = next((each for each in ("Tags", "tags") if each in members), "")
    shape = model.shapes[members[name]["shape"]] if name else {}
    check = _compile(rules, code)
    if shape.get("type") == "map":

        def check_map(request: Mapping[str, Any]) -> None:
            if tags := request.get(name):
                check(list(tags), list(tags.values()))

        return check_map
    element = model.shapes[shape["member"]["shape"]] if shape.get("type") == "list" else {}
    named = {each.lower().removeprefix("tag"): each for each in element.get("members", ())}
    if not {"key", "value"} <= set(named):
        return None
    key, value = named["key"], named["value"]

    def check_list(request: Mapping[str, Any]) -> None:
        if tags := request.get(name):
            check([tag.get(key, "") for tag in tags], [tag.get(value, "") for tag in tags])

    return check_list


def _compile(rules: TagRules, code: str) -> TagCheck:
    code = rules.code or code
    matches = matcher(_CHARACTERS, _LONGEST_VALUE) if rules.characters else None

    def check(keys: Sequence[str], values: Sequence[str]) -> None:
        def refuse(text: str) -> AwsError:
            return AwsError(code, text, status=400, **rules.fields)

        for key in keys:
            if rules.key_length and not 1 <= len(key) <= _LONGEST_KEY:
                raise refuse(rules.key_length)
            if system_tags.is_refused(key):
                raise refuse(rules.reserved)
        if rules.value_length and any(len(value) > _LONGEST_VALUE for value in values):
            raise refuse(rules.value_length)
        if matches is not None and not all(map(matches, (*keys, *values))):
            raise refuse(rules.characters)
        if len({key.lower() if rules.folds_case else key for key in keys}) < len(keys):
            raise refuse(rules.repeated)
        if rules.too_many is not None and system_tags.counted(keys) > _MOST:
            raise AwsError(*rules.too_many, status=400)

    return check
