"""Errors of templates, with the place in the template."""

from __future__ import annotations

from emulator.model.errors import LocalfaasError

#: The path to a value from the top of a template: keys and indexes.
Path = tuple[str | int, ...]


class TemplateError(LocalfaasError):
    """A template that AWS would refuse.

    Attributes:
        message: AWS's own text.
        path: The path to the wrong value; ``stack.document.locate`` gives its line and column.
    """

    def __init__(self, message: str, path: Path = ()) -> None:
        super().__init__(message)
        self.message = message
        self.path = path


class TransformError(TemplateError):
    """What a transform refuses, or makes that AWS would refuse.

    AWS finds out once a stack is under way: it rolls back, and a change set fails.
    """


class NotYetKnown(LocalfaasError):
    """A value that depends on a resource that does not exist yet.

    Attributes:
        logical: The resource's name in the template.
    """

    def __init__(self, logical: str, attribute: str = "") -> None:
        super().__init__(f"{logical}.{attribute}" if attribute else logical)
        self.logical = logical
        self.attribute = attribute
