"""Responses recorded from AWS, and how an answer is compared with them.

A recording holds placeholders (``<uuid:3>``, ``<function-name:1>``) for what varies. They are not
numbered again here: each stands for one value throughout its scenario, and no two for the same.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / ".." / "shared" / "conformance"

_PLACEHOLDER = re.compile(r"<[A-Za-z_0-9-]+(?::[^<>]+)?>")
#: What says only that there is something.
_ANY = {
    "date",
    "datetime",
    "timestamp",
    "code-sha256",
    "<datetime>",
    "<code-size>",
    "<location>",
    "<layer-location>",
    "<function-url>",
    "<remaining-time-in-millis>",
    "<stack-trace>",
    "<approximate-first-receive-timestamp>",
    "maximum-batching-window-in-seconds",
    "m-d5-of-body",
    "receipt-handle",
    "sender-id",
    "amz-id",
    "amz-request-id",
    "object-sequencer",
    "request-id",
    "sequencer",
    "starting-sequence-number",
    "approximate-creation-date-time",
    "<index-status>",
    "<table-status>",
    "sent-timestamp",
}
#: Members whose elements AWS has in no order.
_UNORDERED = {"Details"}
_KNOWN = {"<region>": "us-east-1", "<partition>": "aws"}
#: When AWS added members: older recordings can't have them.
_ADDED = {
    "FifoThroughputScope": datetime(2025, 1, 21),
    "SnapStart": datetime(2022, 12, 1),
    "WarmThroughput": datetime(2024, 11, 13),
    "RuntimeVersionConfig": datetime(2023, 1, 25),
    "LoggingConfig": datetime(2023, 11, 20),
    "EventSourceMappingArn": datetime(2024, 10, 1),
    "encryptionConfiguration": datetime(2024, 7, 25),
    "LastOperations": datetime(2026, 1, 15),
    "OperationId": datetime(2026, 1, 15),
}
#: When AWS stopped to answer members.
_REMOVED = {"Replacement": datetime(2025, 5, 15)}


#: What was recorded as it came: names that CloudFormation makes up, and what a test put in.
_LITERALS = {"url_suffix": "amazonaws.com"}
_MADE_UP = re.compile(r"((?:CFN|stack-[0-9a-f]{8})-[A-Za-z0-9]+-)([A-Za-z0-9]{12})")
#: What varies in the ids of events of resources.
_EVENT_ID = re.compile(
    r"^(\w+-(?:\w+-)?)(?:date|\d{4}-[\d:.TZ-]+|[0-9a-f]{8}(?:-[0-9a-f]{4,12}){4})$"
)


@cache
def load(name: str) -> dict[str, Any]:
    """Return the scenarios of one file of recordings, by name. Nobody changes what it returns."""
    return json.loads((FOLDER / f"{name}.json").read_text())


class Comparison:
    """Compares the steps of one scenario."""

    def __init__(self, recording: dict[str, Any], name: str = "") -> None:
        #: The scenario's.
        self.name = name
        self._steps = recording["recorded-content"]
        self._date = datetime.strptime(recording["recorded-date"], "%d-%m-%Y, %H:%M:%S")
        self._values = dict(_KNOWN)
        #: Values that a scenario knows itself: where two placeholders touch, they tell them apart.
        self._known: dict[str, str] = {}
        self.seen: set[str] = set()
        #: What differs, a line each.
        self.differences: list[str] = []

    def know(self, placeholder: str, value: str) -> None:
        """Say what a placeholder stands for."""
        self._known[placeholder] = value

    def forget(self, placeholder: str) -> None:
        """Let a placeholder stand for another value from now on."""
        self._values.pop(placeholder, None)

    def recorded(self, step: str) -> Any:
        """Return what was recorded of a step."""
        return self._steps.get(step, {})

    def match(self, step: str, answer: Any) -> None:
        """Compare an answer with the recorded one of ``step``."""
        if step not in self._steps:
            self.differences.append(f"{step}: not recorded")
            return
        self.seen.add(step)
        self._compare(step, self._steps[step], _plain(answer))

    def finish(self) -> None:
        for step in self._steps.keys() - self.seen:
            self.differences.append(f"{step}: not replayed")

    def _differs(self, path: str, expected: Any, actual: Any) -> None:
        self.differences.append(f"{path}: recorded {expected!r}, answered {actual!r}")

    def _compare(self, path: str, expected: Any, actual: Any) -> None:
        if isinstance(expected, (dict, list)) and isinstance(actual, str):
            # JSON in a string was recorded as what it says.
            try:
                actual = json.loads(actual)
            except ValueError:
                return self._differs(path, expected, actual)
        if isinstance(expected, dict) and isinstance(actual, dict):
            return self._compare_members(path, expected, actual)
        if isinstance(expected, list) and isinstance(actual, list):
            if path.rpartition(".")[2] in _UNORDERED:
                expected, actual = (sorted(each, key=_text) for each in (expected, actual))
            if len(expected) != len(actual):
                return self._differs(f"{path} ({len(expected)}, {len(actual)})", expected, actual)
            for index, (one, other) in enumerate(zip(expected, actual, strict=True)):
                self._compare(f"{path}[{index}]", one, other)
            return None
        if isinstance(expected, str):
            return self._compare_text(path, expected, actual)
        if expected != actual or type(expected) is not type(actual):
            self._differs(path, expected, actual)
        return None

    def _compare_members(self, path: str, expected: dict[str, Any], actual: dict[str, Any]) -> None:
        expected = {self._key(path, name, value, actual): value for name, value in expected.items()}
        for name in expected.keys() | actual.keys():
            where = f"{path}.{name}"
            if name not in actual:
                if not (name in _REMOVED and self._date < _REMOVED[name]):
                    self._differs(where, expected[name], None)
            elif name in expected:
                self._compare(where, expected[name], actual[name])
            elif not (name in _ADDED and self._date < _ADDED[name]):
                self._differs(where, None, actual[name])

    def _key(self, path: str, name: str, value: Any, actual: dict[str, Any]) -> str:
        """Return the member that a name means; one that varies is known by what it holds."""
        if _PLACEHOLDER.fullmatch(name) is None:
            return _PLACEHOLDER.sub(lambda match: self._known.get(match[0], match[0]), name)
        if name not in self._values:
            taken = set(self._values.values())
            found = (key for key in actual if actual[key] == value and key not in taken)
            self._bind(path, name, next(found, name))
        return self._values[name]

    def _compare_text(self, path: str, expected: str, actual: Any) -> None:
        if expected in _ANY:
            if actual in (None, ""):
                self._differs(path, expected, actual)
            return
        expected = _LITERALS.get(expected, expected)
        if _MADE_UP.fullmatch(expected):
            expected = _MADE_UP.sub(r"\1<suffix:\2>", expected)
        if path.endswith(".EventId"):
            expected = _EVENT_ID.sub(r"\1<event-id>", expected)
            if isinstance(actual, str):
                actual = _EVENT_ID.sub(r"\1<event-id>", actual)
        names = _PLACEHOLDER.findall(expected)
        if not names:
            if expected != actual:
                self._differs(path, expected, actual)
            return
        parts = [re.escape(part) for part in _PLACEHOLDER.split(expected)]
        pattern = parts[0]
        for name, part in zip(names, parts[1:], strict=True):
            known = self._known.get(name)
            pattern += (f"({re.escape(known)})" if known else "(.+?)") + part
        match = re.fullmatch(pattern, actual, re.DOTALL) if isinstance(actual, str) else None
        if match is None:
            self._differs(path, expected, actual)
            return
        for name, value in zip(names, match.groups(), strict=True):
            self._bind(path, name, value)

    def _bind(self, path: str, name: str, value: str) -> None:
        bound = self._values.setdefault(name, value)
        if bound != value:
            self._differs(f"{path} {name}", bound, value)
        kind = name.partition(":")[0]
        for other, taken in self._values.items():
            if other != name and taken == value and other.partition(":")[0] == kind:
                self._differs(f"{path} {name}", f"another value than {other}", value)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _plain(answer: Any) -> Any:
    """Return an answer without what HTTP and the SDK add to it."""
    if isinstance(answer, dict):
        plain = {name: _plain(value) for name, value in answer.items()}
        if isinstance(answer.get("ResponseMetadata"), dict):
            status = answer["ResponseMetadata"]["HTTPStatusCode"]
            plain["ResponseMetadata"] = {"HTTPHeaders": {}, "HTTPStatusCode": status}
        return plain
    if isinstance(answer, list):
        return [_plain(value) for value in answer]
    if isinstance(answer, datetime):
        return answer.isoformat()
    if isinstance(answer, bytes):
        return str(answer)
    if hasattr(answer, "read"):
        text = answer.read().decode()
        try:
            content = json.loads(text)
        except ValueError:
            return text
        # Only what has members was recorded as what it says.
        return content if isinstance(content, (dict, list)) else text
    return answer
