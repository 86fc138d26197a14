"""Modules that are loaded when something of theirs is used first."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from types import ModuleType
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


def defer_package(name: str) -> None:
    """Let the modules of a package be imported without the package's own ``__init__``.

    That runs once something is asked for that only it gives.

    Args:
        name: The package. Nothing happens if it is loaded already, or not installed.
    """
    spec = None if name in sys.modules else find_spec(name)
    if spec is not None:
        sys.modules[name] = module_from_spec(spec)
        sys.modules[name].__class__ = _DeferredPackage


class _DeferredPackage(ModuleType):
    def __getattr__(self, name: str) -> Any:
        self.__class__ = ModuleType  # type: ignore[assignment]
        spec = self.__spec__
        assert spec is not None
        assert spec.loader is not None
        spec.loader.exec_module(self)
        return getattr(self, name)
