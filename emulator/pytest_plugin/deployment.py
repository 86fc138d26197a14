"""What a test has deployed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Deployment:
    """What was deployed.

    Attributes:
        functions: The functions' names, by their names in the template.
        resources: The physical id of each resource, by its name in the template.
        outputs: The stack's outputs.
        stack_name: The stack; "" for a folder of functions.
        notes: Sentences on what is other than the template says.
    """

    functions: Mapping[str, str]
    resources: Mapping[str, str]
    outputs: Mapping[str, str]
    stack_name: str
    notes: list[str]

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Deployment:
        """Return what the admin API has answered."""
        return cls(**{name: answer[name] for name in cls.__slots__})
