"""Constraints of the service model, with AWS's own sentences.

A violation inside a list or map of scalars is reported on the whole list or map, together with
all constraints of its elements; inside a list of structures it is reported on the member, as
``layers.1.member.arn``. (Recorded from Lambda, 2025-11.)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.wire.constraints import (
    NOT_NULL,
    Constraint,
    enum_text,
    own_constraints,
    violation,
)
from emulator.wire.deviations import Validator as Validator
from emulator.wire.model import Operation, ServiceModel, Shape
from emulator.wire.tags import compile_tags

#: (value, path, violations): appends a sentence per violation.
Check = Callable[[Any, str, list[str]], None]
_SCALAR = ("string", "blob", "integer", "long", "double", "float", "boolean", "timestamp")


def _camel(name: str) -> str:
    return name[:1].lower() + name[1:]


def constraint_code(model: ServiceModel) -> str:
    """Return the code that a service has for violations of its model's constraints."""
    if model.deviations.constraint_code:
        return model.deviations.constraint_code
    is_query = model.metadata.get("protocol") == "query"
    named = "ValidationException" in model.shapes
    return "ValidationError" if is_query and not named else "ValidationException"


class Constraints:
    """Checks the requests of one service. Validators are compiled on first use and kept."""

    def __init__(self, model: ServiceModel) -> None:
        self._model = model
        self._model_maximum_holds = model.deviations.model_maximum_holds
        self._checks = Checks(model)
        self._kept: dict[str, Validator] = {}
        self._checks_as_modelled = Checks(model, model_maximum=True)
        self._kept_as_modelled: dict[str, Validator] = {}

    def validate(self, operation: Operation, request: Mapping[str, Any]) -> None:
        """Check a request.

        Raises:
            AwsError: All violations in one, in AWS's words.
        """
        kept, checks = self._kept, self._checks
        if self._model_maximum_holds(operation.name, request):
            kept, checks = self._kept_as_modelled, self._checks_as_modelled
        validator = kept.get(operation.name)
        if validator is None:
            make = self._model.deviations.validator
            validator = make(self._model, operation) if make else checks.compile(operation)
            validator = self._with_tags(operation, validator)
            kept[operation.name] = validator
        validator(request)

    def _with_tags(self, operation: Operation, validator: Validator) -> Validator:
        check = compile_tags(self._model, operation, constraint_code(self._model))
        if check is None:
            return validator

        def validate(request: Mapping[str, Any]) -> None:
            validator(request)
            check(request)

        return validate


class Checks:
    """Compiles shapes to checks; a shape without constraints compiles to ``None``.

    Args:
        model_maximum: The model's own maxima hold, whatever the service deviates in.
    """

    def __init__(self, model: ServiceModel, *, model_maximum: bool = False) -> None:
        self._model = model
        self._deviations = model.deviations
        self._model_maximum = model_maximum
        self._checks: dict[str, Check | None] = {}

    def compile(self, operation: Operation) -> Validator:
        """Make the validator of an operation's requests."""
        check = self._input(operation)
        code = constraint_code(self._model)

        def validate(request: Mapping[str, Any]) -> None:
            violations: list[str] = []
            if check is not None:
                check(request, "", violations)
            if violations:
                errors = "error" if len(violations) == 1 else "errors"
                text = "; ".join(violations)
                message = f"{len(violations)} validation {errors} detected: {text}"
                raise AwsError(code, message, status=400)

        return validate

    def _input(self, operation: Operation) -> Check | None:
        if operation.input is None:
            return None
        if not self._deviations.names_input:
            return self.check(operation.input)
        shape = self._model.shapes[operation.input]
        prefix = f"{_camel(operation.name)}Input."
        return self._structure(operation.input, shape, body_prefix=prefix)

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
        shape, deviations = self._model.shapes[name], self._deviations
        high = shape.get("max")
        if not self._model_maximum:
            high = deviations.maximum.get(name, high)
        return own_constraints(
            shape,
            maximum=high,
            printed_pattern=deviations.printed_pattern.get(name),
            printed_enum=deviations.printed_enum.get(name),
        )

    def _structure(self, shape_name: str, shape: Shape, body_prefix: str = "") -> Check | None:
        required = frozenset(shape.get("required", ()))
        first = self._deviations.checked_first.get(shape_name, ())
        members = []
        for name in sorted(shape["members"], key=lambda name: name not in first):
            reference = shape["members"][name]["shape"]
            target = self._model.shapes[reference]
            check = self.check(reference)
            if (shape_name, name) in self._deviations.checked_by_operation:
                check = None
            wire = _camel(name)
            if "location" not in shape["members"][name]:
                wire = body_prefix + wire
            if check is not None or name in required:
                members.append((name, wire, name in required, check, target))
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
                    out.append(violation(None, full, NOT_NULL, target))

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
                        out.append(violation(None, where, NOT_NULL, target))
                    elif inner is not None:
                        inner(item, where, out)

            return structures
        constraints = self.constraints(element)
        keeps = [keep for _, keep in constraints]
        if name in self._deviations.printed_enum:
            text = enum_text(self._deviations.printed_enum[name])
        else:
            texts = [text for text, _ in constraints]
            if not self._deviations.elements_may_be_null:
                texts.append(NOT_NULL)
            text = f"Member must satisfy constraint: [{', '.join(texts)}]"

        def scalars(value: Any, path: str, out: list[str]) -> None:
            if own is not None:
                own(value, path, out)
            for item in value:
                if item is None or not _keeps(item, keeps):
                    out.append(violation(value, path, text, shape))
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
        all_texts = ", ".join([*(text for text, _ in items), NOT_NULL])
        items_text = f"Map value must satisfy constraint: [{all_texts}]"

        def mapping(value: Any, path: str, out: list[str]) -> None:
            if own is not None:
                own(value, path, out)
            for key in value:
                if not _keeps(key, keep_keys):
                    out.append(violation(value, path, keys_text, shape))
                    break
            for key, item in value.items():
                if item is None or not _keeps(item, keep_items):
                    out.append(violation(value, path, items_text, shape))
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
                out.append(violation(value, path, text, shape))

    return scalar
