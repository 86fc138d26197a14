"""Collects findings, and checks single values."""

import re
from collections.abc import Callable, Collection, Iterable

from ..errors import Diagnostic
from ..json_text import Document, Json
from ..query.intrinsics import InvalidCall, parse_call
from ..query.jsonata import InvalidExpression, top_level_names
from ..query.jsonpath import InvalidPath, parse_path
from ..query.templates import expression_text, is_expression

SCHEMA = "SCHEMA_VALIDATION_FAILED"
MOST_FINDINGS = 100
NO_DOLLAR = 'No ".$" on a field that appears to be a JSONPath or Intrinsic Function.'
_LIKE_A_PATH = re.compile(r"\$\$?\.|\$\$?\[|States\.\w+\(")


Calls = Callable[[str, str], tuple[Collection[str], Collection[str]]]
"""Returns what a call takes, by its service and its action as `aws-sdk` integrations name them: the
names of all members in small letters, and those that are required. A LookupError: there is none."""


class Checker:
    """Collects the findings about a definition.

    Args:
        kind: `STANDARD` or `EXPRESS`.
        calls: Tells what calls of services take; None: any call may be.
    """

    def __init__(self, kind: str, calls: Calls | None = None) -> None:
        self.kind = kind
        self.calls = calls
        self.findings: list[Diagnostic] = []

    @property
    def has_errors(self) -> bool:
        """Whether there is a finding that is more than a warning."""
        return any(each.severity == "ERROR" for each in self.findings)

    def warn(self, message: str, location: str, code: str) -> None:
        """Add a warning."""
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(Diagnostic(code, message, location, "WARNING"))

    def report(self, message: str, location: str | None, code: str = SCHEMA) -> None:
        """Add a finding; without a location it is about the whole."""
        if len(self.findings) < MOST_FINDINGS:
            place = None if location is None else location or "/"
            self.findings.append(Diagnostic(code, message, place))

    def unsupported(self, field: str, location: str) -> None:
        """Add the finding of a field that an object does not have, at the object's place."""
        self.report(f"Field '{field}' is not supported", location)

    def require(self, definition: Document, fields: Iterable[str], location: str) -> bool:
        """Report fields that are not there; return whether all are."""
        missing = [field for field in fields if field not in definition]
        if missing:
            self.report(f"These fields are required: [{', '.join(missing)}]", location)
        return not missing

    def exactly_one(self, definition: Document, fields: Iterable[str], location: str) -> bool:
        """Report that not exactly one of some fields is there; return whether one is."""
        fields = list(fields)
        there = [field for field in fields if field in definition]
        if len(there) == 1:
            return True
        names = ", ".join(fields)
        if there:
            self.report(f"Only one of the following fields can be set: [{names}]", location)
        else:
            self.report(f"Exactly one of the following fields must be set: [{names}]", location)
        return False

    def at_most_one(self, definition: Document, fields: Iterable[str], location: str) -> None:
        """Report that more than one of some fields is there."""
        fields = list(fields)
        if sum(field in definition for field in fields) > 1:
            names = ", ".join(fields)
            self.report(f"Only one of the following fields can be set: [{names}]", location)

    def of_type(self, value: Json, wanted: str, location: str) -> bool:
        """Report a value of another type; return whether it fits."""
        fits = _TYPES[wanted](value)
        if not fits:
            self.report(f"Expected value of type {wanted}", location)
        return fits

    def one_of(self, value: Json, wanted: Iterable[str], location: str) -> bool:
        """Report a text that is none of some; return whether it is one."""
        wanted = list(wanted)
        if isinstance(value, str) and value in wanted:
            return True
        self.report(f"Value must be one of: [{', '.join(wanted)}]", location)
        return False

    def within(self, value: Json, least: float, most: float, location: str) -> bool:
        """Report a number outside of bounds; return whether it is within."""
        if least <= value <= most:
            return True
        self.report(f"Value must be between {least} and {most}", location)
        return False

    def path(self, value: Json, location: str) -> bool:
        """Report a text that is no JSONPath; return whether it is one."""
        if isinstance(value, str):
            try:
                parse_path(value)
            except InvalidPath as error:
                self.report(f"Value is not a valid JSONPath: {error}", location)
            else:
                return True
        else:
            self.report("Expected value of type String", location)
        return False

    def reference_path(self, value: Json, location: str) -> bool:
        """Report a text that is no Reference Path into the input; return whether it is one."""
        if not self.path(value, location):
            return False
        path = parse_path(value)
        if path.is_reference and not path.is_context and path.variable is None:
            return True
        self.report(f"Value is not a Reference Path: '{value}'", location)
        return False

    def path_or_call(self, value: Json, location: str) -> bool:
        """Report a text that is neither a JSONPath nor a call of an intrinsic function."""
        try:
            if not isinstance(value, str):
                raise InvalidPath("it is no text")
            parse_call(value) if value.startswith("States.") else parse_path(value)
        except (InvalidPath, InvalidCall):
            field = location.rpartition("/")[2]
            self.report(
                f"The value for the field '{field}' must be a valid JSONPath or a valid intrinsic"
                " function call",
                location,
            )
            return False
        return True

    def template(self, value: Json, location: str) -> None:
        """Report wrong members of a payload template."""
        if isinstance(value, dict):
            for name, each in value.items():
                if name.endswith(".$"):
                    self.path_or_call(each, f"{location}/{name}")
                else:
                    self.template(each, f"{location}/{name}")
        elif isinstance(value, list):
            for at, each in enumerate(value):
                self.template(each, f"{location}[{at}]")
        elif isinstance(value, str) and _LIKE_A_PATH.match(value):
            self.warn(NO_DOLLAR, location, "NO_DOLLAR")

    def expressions(self, value: Json, location: str) -> None:
        """Report wrong JSONata inside a value."""
        if isinstance(value, dict):
            for name, each in value.items():
                self.expressions(each, f"{location}/{name}")
        elif isinstance(value, list):
            for at, each in enumerate(value):
                self.expressions(each, f"{location}[{at}]")
        elif is_expression(value):
            self.expression(value, location)
        elif isinstance(value, str) and (value.startswith("{%") or value.endswith("%}")):
            self.report("A JSONata expression must begin with '{%' and end with '%}'", location)

    def expression(self, value: str, location: str) -> None:
        """Report wrong JSONata, and what refers to a document: workflows have none."""
        try:
            names = top_level_names(expression_text(value))
        except InvalidExpression as error:
            self.report(str(error), location, "INVALID_JSONATA_EXPRESSION")
            return
        for name in names:
            message = f"Reference to '{name}' at the top level is not supported."
            self.report(message, location, "UNSUPPORTED_JSONATA_EXPRESSION")


_TYPES: dict[str, Callable[[Json], bool]] = {
    "String": lambda value: isinstance(value, str),
    "Integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "Number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "Boolean": lambda value: isinstance(value, bool),
    "Object": lambda value: isinstance(value, dict),
    "Array": lambda value: isinstance(value, list),
}

VARIABLE = re.compile(r"[^\W\d][\w]{0,79}")
"""The name of a variable: Unicode's identifiers, up to 80 characters."""
