"""Constraints of the service model, with AWS's own sentences.

A violation inside a list or map of scalars is reported on the whole list or map, together with
all constraints of its elements; inside a list of structures it is reported on the member, as
``layers.1.member.arn``. (Recorded from Lambda, 2025-11.)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.wire.model import Operation, ServiceModel, Shape

#: (value, path, violations): appends the sentences of what is wrong.
Check = Callable[[Any, str, list[str]], None]
#: One constraint: its sentence, and whether a value keeps it.
Constraint = tuple[str, Callable[[Any], bool]]
#: Raises the AwsError of all violations of a request.
Validator = Callable[[Mapping[str, Any]], None]

_SIZED = ("string", "blob", "list", "map")
_SCALAR = ("string", "blob", "integer", "long", "double", "float", "boolean", "timestamp")
_NOT_NULL = "Member must not be null"


def translate(pattern: str) -> re.Pattern[str]:
    """Compile a Java regular expression of the models.

    Java's ``\\w`` and ``\\d`` are ASCII. Its Unicode classes stand in the models only inside
    brackets that allow ``_`` as well, where Python's Unicode ``\\w`` is ``\\p{L}\\p{N}_``.
    And Java takes the hyphen of ``[\\w-_]`` for itself.
    """
    pattern = re.sub(r"(\\[wds])-(?=[^\]])", r"\1\-", pattern)
    if r"\p{" not in pattern:
        return re.compile(pattern, re.ASCII)
    spaces = " \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
    translated = pattern.replace(r"\p{L}", r"\w").replace(r"\p{N}", "").replace(r"\p{Z}", spaces)
    return re.compile(translated)


def show(value: Any) -> str:
    """Return a value as Java's ``toString`` has it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(map(show, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}={show(item)}' for key, item in value.items())}}}"
    if isinstance(value, bytes):
        return f"java.nio.HeapByteBuffer[pos=0 lim={len(value)} cap={len(value)}]"
    return str(value)


def _violation(value: Any, path: str, constraint: str, shape: Shape) -> str:
    if value is None:
        shown = "Value null"
    else:
        # Sensitive values are never repeated.
        shown = "Value" if shape.get("sensitive") else f"Value '{show(value)}'"
    return f"{shown} at '{path}' failed to satisfy constraint: {constraint}"


def _camel(name: str) -> str:
    return name[:1].lower() + name[1:]


class Validators:
    """Compiles shapes to checks; a shape without constraints compiles to ``None``."""

    def __init__(self, model: ServiceModel, *, model_maximum: bool = False) -> None:
        self._model = model
        self._model_maximum = model_maximum
        self._checks: dict[str, Check | None] = {}

    def compile(self, operation: Operation) -> Validator:
        """Make the validator of an operation's requests."""
        check = self.check(operation.input) if operation.input else None
        code = self._model.deviations.constraint_code

        def validate(request: Mapping[str, Any]) -> None:
            violations: list[str] = []
            if check is not None:
                check(request, "", violations)
            if violations:
                errors = "error" if len(violations) == 1 else "errors"
                text = "; ".join(violations)
                raise AwsError(
                    code,
                    f"{len(violations)} validation {errors} detected: {text}",
                    status=400,
                )

        return validate

    def check(self, name: str) -> Check | None:
        """Return the check of a shape."""
        if name not in self._checks:
            self._checks[name] = lambda value, path, out: self._again(name, value, path, out)
            shape = self._model.shapes[name]
            if shape["type"] == "structure":
                self._checks[name] = self._structure(name, shape)
            elif shape["type"] == "list":
                self._checks[name] = self._list(name, shape)
            elif shape["type"] == "map":
                self._checks[name] = self._map(name, shape)
            else:
                self._checks[name] = _scalar(self.constraints(name), shape)
        return self._checks[name]

    def _again(self, name: str, value: Any, path: str, out: list[str]) -> None:
        check = self._checks[name]
        if check is not None:
            check(value, path, out)

    def constraints(self, name: str) -> list[Constraint]:
        """Return a shape's own constraints, in the order AWS prints them."""
        shape, result = self._model.shapes[name], list[Constraint]()
        low, high = shape.get("min"), shape.get("max")
        if not self._model_maximum:
            high = self._model.deviations.maximum.get(name, high)
        real = shape["type"] in ("double", "float")
        what = "length" if shape["type"] in _SIZED else "value"
        if high is not None:
            bound = float(high) if real else high
            text = f"Member must have {what} less than or equal to {bound}"
            result.append((text, _at_most(high) if what == "value" else _no_longer(high)))
        if low is not None and (low or what == "value"):
            bound = float(low) if real else low
            text = f"Member must have {what} greater than or equal to {bound}"
            result.append((text, _at_least(low) if what == "value" else _no_shorter(low)))
        if "pattern" in shape:
            matches = translate(shape["pattern"]).fullmatch
            printed = self._model.deviations.printed_pattern.get(name, shape["pattern"])
            text = f"Member must satisfy regular expression pattern: {printed}"
            result.append((text, lambda value: matches(value) is not None))
        if "enum" in shape:
            result.append((self._enum_text(name, shape), frozenset(shape["enum"]).__contains__))
        return result

    def _enum_text(self, name: str, shape: Shape) -> str:
        printed = self._model.deviations.printed_enum.get(name) or ", ".join(shape["enum"])
        return f"Member must satisfy enum value set: [{printed}]"

    def _structure(self, shape_name: str, shape: Shape) -> Check | None:
        required = frozenset(shape.get("required", ()))
        first = self._model.deviations.checked_first.get(shape_name, ())
        members = []
        for name in sorted(shape["members"], key=lambda name: name not in first):
            reference = shape["members"][name]["shape"]
            target = self._model.shapes[reference]
            check = self.check(reference)
            if (shape_name, name) in self._model.deviations.checked_by_operation:
                check = None
            if check is not None or name in required:
                members.append((name, _camel(name), name in required, check, target))
        if not members:
            return None

        def structure(value: Any, path: str, out: list[str]) -> None:
            for name, wire, needed, check, target in members:
                item = value.get(name)
                if item is not None:
                    if check is not None:
                        check(item, f"{path}.{wire}" if path else wire, out)
                elif needed:
                    full = f"{path}.{wire}" if path else wire
                    out.append(_violation(None, full, _NOT_NULL, target))

        return structure

    def _list(self, name: str, shape: Shape) -> Check | None:
        own = _scalar(self.constraints(name), shape)
        element = shape["member"]["shape"]
        target = self._model.shapes[element]
        if target["type"] not in _SCALAR:
            inner = self.check(element)

            def structures(value: Any, path: str, out: list[str]) -> None:
                if own is not None:
                    own(value, path, out)
                for index, item in enumerate(value, 1):
                    where = f"{path}.{index}.member"
                    if item is None:
                        out.append(_violation(None, where, _NOT_NULL, target))
                    elif inner is not None:
                        inner(item, where, out)

            return structures
        constraints = self.constraints(element)
        keeps = [keep for _, keep in constraints]
        if name in self._model.deviations.printed_enum:
            text = self._enum_text(name, target)
        else:
            all_texts = ", ".join([*(text for text, _ in constraints), _NOT_NULL])
            text = f"Member must satisfy constraint: [{all_texts}]"

        def scalars(value: Any, path: str, out: list[str]) -> None:
            if own is not None:
                own(value, path, out)
            for item in value:
                if item is None or not _keeps(item, keeps):
                    out.append(_violation(value, path, text, shape))
                    return

        return scalars

    def _map(self, name: str, shape: Shape) -> Check:
        own = _scalar(self.constraints(name), shape)
        keys = self.constraints(shape["key"]["shape"])
        element = shape["value"]["shape"]
        target = self._model.shapes[element]
        scalar = target["type"] in _SCALAR
        inner = None if scalar else self.check(element)
        items = self.constraints(element) if scalar else []
        keep_keys, keep_items = [keep for _, keep in keys], [keep for _, keep in items]
        keys_text = f"Map keys must satisfy constraint: [{', '.join(text for text, _ in keys)}]"
        all_texts = ", ".join([*(text for text, _ in items), _NOT_NULL])
        items_text = f"Map value must satisfy constraint: [{all_texts}]"

        def mapping(value: Any, path: str, out: list[str]) -> None:
            if own is not None:
                own(value, path, out)
            for key in value:
                if not _keeps(key, keep_keys):
                    out.append(_violation(value, path, keys_text, shape))
                    break
            for key, item in value.items():
                if item is None or not _keeps(item, keep_items):
                    out.append(_violation(value, path, items_text, shape))
                    return
                if inner is not None:
                    inner(item, f"{path}.{key}.member", out)

        return mapping


def _keeps(value: Any, constraints: list[Callable[[Any], bool]]) -> bool:
    # A loop: all() over a generator takes twice as long on lists this short.
    for keeps in constraints:  # noqa: SIM110
        if not keeps(value):
            return False
    return True


def _scalar(constraints: list[Constraint], shape: Shape) -> Check | None:
    if not constraints:
        return None

    def scalar(value: Any, path: str, out: list[str]) -> None:
        for text, keeps in constraints:
            if not keeps(value):
                out.append(_violation(value, path, text, shape))

    return scalar


def _at_most(bound: float) -> Callable[[Any], bool]:
    return lambda value: bool(value <= bound)


def _at_least(bound: float) -> Callable[[Any], bool]:
    return lambda value: bool(value >= bound)


def _no_longer(bound: int) -> Callable[[Any], bool]:
    return lambda value: len(value) <= bound


def _no_shorter(bound: int) -> Callable[[Any], bool]:
    return lambda value: len(value) >= bound
