"""Which parameters a request asks for.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ParameterStringFilter.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.ssm import names
from emulator.services.ssm.state import Parameter

Matches = Callable[[str, str], bool]

_OPTIONS: dict[str, Matches] = {
    "BeginsWith": str.startswith,
    "Contains": lambda value, wanted: wanted in value,
    "Equals": str.__eq__,
    "OneLevel": lambda value, path: _is_below(value, path, recursive=False),
    "Recursive": lambda value, path: _is_below(value, path, recursive=True),
}
#: The options of each key; the first one is the usual one.
_BY_KEY = {
    "Name": ("Equals", "BeginsWith", "Contains"),
    "Path": ("OneLevel", "Recursive"),
    "KeyId": ("Equals", "BeginsWith"),
}
_USUAL = ("Equals", "BeginsWith")
_KEYS = ("Path", "Name", "Type", "KeyId", "Tier", "Label", "DataType")
#: What GetParametersByPath filters by.
BY_PATH_KEYS = ("Type", "KeyId", "Label")
_MOST_VALUES = 50


def below(parameters: Iterable[Parameter], path: str, *, recursive: bool) -> list[Parameter]:
    """Return the parameters below a path."""
    return [each for each in parameters if _is_below(each["name"], path, recursive=recursive)]


def _is_below(name: str, path: str, *, recursive: bool) -> bool:
    folder = path.rstrip("/") + "/"
    full = name if name.startswith("/") else f"/{name}"
    return full.startswith(folder) and (recursive or "/" not in full[len(folder) :])


def chosen(
    parameters: Iterable[Parameter],
    filters: Iterable[Mapping[str, Any]],
    keys: tuple[str, ...] = _KEYS,
) -> list[Parameter]:
    """Return the parameters that all filters let pass.

    Args:
        parameters: All of them.
        filters: ``ParameterFilters`` of a request.
        keys: The keys that the operation knows.

    Raises:
        AwsError: InvalidFilterKey, InvalidFilterOption, InvalidFilterValue, ValidationException.
    """
    found, seen = list(parameters), set()
    for each in filters:
        key, values = each["Key"], list(each.get("Values") or [])
        if key in seen:
            raise AwsError(
                "ValidationException",
                "The following filters are duplicated in the request: "
                f"[{key}]. A request can contain only one occurrence of a specific filter.",
            )
        seen.add(key)
        option = _checked_option(each, key, values, keys)
        match = _OPTIONS[option]
        found = [
            parameter
            for parameter in found
            if any(match(own, wanted) for own in _own(parameter, key) for wanted in values)
            or (key.startswith("tag:") and not values and _own(parameter, key))
        ]
    return found


def _checked_option(
    given: Mapping[str, Any], key: str, values: list[str], keys: tuple[str, ...]
) -> str:
    is_tag = key.startswith("tag:")
    if key not in keys and not (is_tag and keys is _KEYS):
        raise AwsError(
            "InvalidFilterKey",
            f"The following filter key is not valid: {key}. Valid filter keys include:"
            f" [{', '.join(keys)}].",
        )
    if not values and not is_tag:
        raise AwsError(
            "InvalidFilterValue",
            f"The following filter values are missing : null for filter key {key}",
        )
    if len(values) > _MOST_VALUES:
        raise AwsError(
            "InvalidFilterValue",
            f"A filter can have {_MOST_VALUES} values at most; {key} has {len(values)}.",
        )
    options = _BY_KEY.get(key, _USUAL)
    option = str(given.get("Option") or options[0])
    if option not in options:
        raise AwsError(
            "InvalidFilterOption",
            f"The following filter option is not valid: {option}. Valid options include:"
            f" [{', '.join(sorted(options))}].",
        )
    if key == "Path":
        for path in values:
            names.check_path(path)
    return option


def _own(parameter: Parameter, key: str) -> list[str]:
    """Return the values that a parameter has for a filter's key."""
    newest = parameter["versions"][-1]
    if key in ("Name", "Path"):
        return [parameter["name"]]
    if key == "Label":
        return list(parameter["labels"])
    if key.startswith("tag:"):
        value = parameter["tags"].get(key.removeprefix("tag:"))
        return [] if value is None else [value]
    member = {"Type": "type", "KeyId": "key", "Tier": "tier", "DataType": "data_type"}[key]
    return [newest[member]] if newest.get(member) else []


def chosen_by_old_filters(
    parameters: Iterable[Parameter], filters: Iterable[Mapping[str, Any]]
) -> list[Parameter]:
    """Return the parameters that ``Filters``, the older form, let pass: names by beginnings."""
    found = list(parameters)
    for each in filters:
        key, values = each["Key"], each["Values"]
        match = _OPTIONS["BeginsWith" if key == "Name" else "Equals"]
        found = [
            parameter
            for parameter in found
            if any(match(own, wanted) for own in _own(parameter, key) for wanted in values)
        ]
    return found
