"""The result of a test's deployment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployed template or folder.

    Attributes:
        functions: The functions' names, by their names in the template.
        resources: The physical id of each resource, by its name in the template.
        outputs: The stack's outputs.
        stack_name: The stack; "" for a folder of functions.
        notes: One sentence for each difference from the template.
    """

    functions: Mapping[str, str]
    resources: Mapping[str, str]
    outputs: Mapping[str, str]
    stack_name: str
    notes: list[str]

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Deployment:
        """Return the deployment that an answer of the admin API describes."""
        return cls(**{name: answer[name] for name in cls.__slots__})
