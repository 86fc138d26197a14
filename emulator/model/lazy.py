"""Modules that are loaded when something of theirs is used first."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class LazyModule:
    """Stands for a module that most runs of the emulator do without.

    Args:
        name: Its full name.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        # Once only: what is found is an attribute of this from then on.
        found = getattr(import_module(self._name), name)
        setattr(self, name, found)
        return found
