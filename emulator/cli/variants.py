"""What ``coldstart --compare KEY=A,B`` sets side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

from emulator.cli.terminal import CommandError

#: Keys that change the function for the measurement: the parameter of the admin API, and whether it
#: is on or off.
_OF_FUNCTION: Mapping[str, tuple[str, bool]] = {
    "function": ("function", False),
    "qualifier": ("qualifier", False),
    "memory": ("memory_mb", False),
    "runtime": ("runtime", False),
    "layers": ("layers", True),
    "provisioned": ("provisioned", True),
    "snapstart": ("snapstart", True),
    "min-instances": ("provisioned", True),
}
#: Keys that are options of ``up``: each value takes an emulator of its own.
_OF_EMULATOR = ("driver", "stem-cells", "cpu-limit", "bootstrap", "freeze")
_SWITCH = {"on": "true", "off": "false"}


@dataclass(frozen=True, slots=True)
class Variant:
    """One of the things that are compared."""

    #: "memory=128, driver=docker"; "" where nothing is compared.
    label: str
    #: Parameters of the measurement.
    query: Mapping[str, str] = field(default_factory=dict)
    #: Options of the emulator it needs.
    options: Sequence[str] = ()


def variants(given: Sequence[str]) -> list[Variant]:
    """Return every combination of what was given.

    Args:
        given: Texts of the form KEY=A,B.

    Raises:
        CommandError: One of them is not of that form, or its key or value is none.
    """
    keys: dict[str, list[str]] = {}
    for text in given:
        key, equals, values = text.partition("=")
        found = [value.strip() for value in values.split(",") if value.strip()]
        if not equals or not found:
            raise CommandError(f"{text!r} is not KEY=A,B: for example memory=128,1769")
        if key not in _OF_FUNCTION and key not in _OF_EMULATOR:
            known = ", ".join((*_OF_FUNCTION, *_OF_EMULATOR))
            raise CommandError(f"{key!r} can't be compared: give one of {known}")
        keys.setdefault(key, []).extend(found)
    return [_variant(list(zip(keys, values, strict=True))) for values in product(*keys.values())]


def _variant(pairs: Sequence[tuple[str, str]]) -> Variant:
    query, options = {}, []
    for key, value in pairs:
        if key in _OF_FUNCTION:
            name, is_switch = _OF_FUNCTION[key]
            query[name] = _switch(key, value) if is_switch else value
        elif key == "freeze":
            options.append("--freeze" if _switch(key, value) == "true" else "--no-freeze")
        else:
            options += [f"--{key}", value]
    labels = (value if key == "function" else f"{key}={value}" for key, value in pairs)
    return Variant(", ".join(labels), query, tuple(options))


def _switch(key: str, value: str) -> str:
    if value not in _SWITCH:
        raise CommandError(f"{key} is on or off, not {value!r}")
    return _SWITCH[value]
