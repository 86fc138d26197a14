"""What ``what-if --set KEY=A,B`` asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

from emulator.cli.terminal import CommandError

if TYPE_CHECKING:
    from emulator.simulation.what_if import Scenario

#: The row that says what the trace was recorded with.
AS_RECORDED = "as recorded"


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise ValueError(text)
    return value


def _positive(text: str) -> int:
    value = _count(text)
    if value == 0:
        raise ValueError(text)
    return value


def _seconds(text: str) -> float:
    unit = {"s": 1.0, "m": 60.0, "h": 3600.0}.get(text[-1:], 0.0)
    value = float(text[:-1]) * unit if unit else float(text)
    if not 0 <= value < float("inf"):
        raise ValueError(text)
    return value


def _one_of(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError(text)
        return text

    return read


def _switch(text: str) -> bool:
    return {"on": True, "off": False}[text]


#: By key: the scenario's field, what reads a value, and what values there are.
KEYS: Mapping[str, tuple[str, Callable[[str], Any], str]] = {
    "idle": ("keep_alive_s", _seconds, "seconds, 10m or 1h"),
    "policy": (
        "policy",
        _one_of("fixed", "none", "provisioned", "histogram"),
        "fixed, none, provisioned or histogram",
    ),
    "provisioned": ("provisioned", _count, "a number of environments"),
    "reserved": ("reserved", _count, "a number of calls at once"),
    "account": ("account_concurrency", _positive, "a number of calls at once"),
    "environments": ("max_environments", _positive, "a number of environments"),
    "memory": ("memory_mb", _positive, "megabytes"),
    "runtime": ("runtime", str, "a runtime of the profile"),
    "package": ("package", _one_of("zip", "image"), "zip or image"),
    "architecture": ("architecture", _one_of("x86_64", "arm64"), "x86_64 or arm64"),
    "code": ("code_mb", _seconds, "megabytes of code"),
    "snapstart": ("snapstart", _switch, "on or off"),
    "order": ("order", _one_of("newest", "oldest"), "newest or oldest"),
}
#: Keys that change how long things take, which only a profile knows.
_OF_PROFILES = ("memory", "runtime", "package", "architecture", "code", "snapstart")


def scenarios(given: Sequence[str]) -> list[Scenario]:
    """Return every combination of what was given, after the trace's own settings.

    Args:
        given: Texts of the form KEY=A,B.

    Raises:
        CommandError: One of them is not of that form, or its key or value is none.
    """
    from emulator.simulation.what_if import Scenario

    keys: dict[str, list[str]] = {}
    for text in given:
        key, equals, values = text.partition("=")
        found = [value.strip() for value in values.split(",") if value.strip()]
        if not equals or not found:
            raise CommandError(f"{text!r} is not KEY=A,B: for example idle=60,600")
        if key not in KEYS:
            raise CommandError(f"{key!r} can't be set: give one of {', '.join(KEYS)}")
        keys.setdefault(key, []).extend(found)
    if not keys:
        return [Scenario(name=AS_RECORDED)]
    made = [
        Scenario(
            name=", ".join(f"{key}={value}" for key, value in zip(keys, values, strict=True)),
            **{KEYS[key][0]: _read(key, value) for key, value in zip(keys, values, strict=True)},
        )
        for values in product(*keys.values())
    ]
    return [Scenario(name=AS_RECORDED), *made]


def _read(key: str, value: str) -> Any:
    _, read, values = KEYS[key]
    try:
        return read(value)
    except (KeyError, ValueError):
        raise CommandError(f"{key} is {values}, not {value!r}") from None


def needs_profile(given: Sequence[str]) -> list[str]:
    """Return the keys that change nothing but the cost unless there is a profile."""
    keys = [text.partition("=")[0] for text in given]
    return [key for key in keys if key in _OF_PROFILES]
