"""The live functions with their versions and aliases, by account and region."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from emulator.model.arn import function_arn
from emulator.model.errors import AwsError
from emulator.model.function import LATEST, Code, FunctionVersion


@dataclass(slots=True, kw_only=True)
class Alias:
    """A name for a version, and perhaps a share of calls for another."""

    name: str
    function_version: str
    description: str = ""
    revision_id: str = ""
    #: Version to the share of calls it gets, 0 to 1; the rest go to ``function_version``.
    weights: Mapping[str, float] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Function:
    """A function: its $LATEST, its published versions and aliases, and what hangs on them."""

    latest: FunctionVersion
    versions: dict[str, FunctionVersion] = field(default_factory=dict)
    aliases: dict[str, Alias] = field(default_factory=dict)
    next_version: int = 1
    #: Environments set aside for this function; None leaves it to the account's.
    reserved_concurrency: int | None = None
    tags: dict[str, str] = field(default_factory=dict)
    #: Resources that belong to the function, by kind and then by qualifier, in the wire's shape
    #: (policies, URL configurations, event invoke configurations …).
    attached: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: What its declaration configures and this emulator does not act on.
    ignored: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.latest.name

    @property
    def arn(self) -> str:
        return self.latest.function_arn

    def version(self, qualifier: str) -> FunctionVersion | None:
        """Return the version a qualifier means; an alias with weights chooses at random."""
        if qualifier == LATEST:
            return self.latest
        alias = self.aliases.get(qualifier)
        if alias is None:
            return self.versions.get(qualifier)
        return self.versions.get(choose_version(alias, random.random()))


def choose_version(alias: Alias, draw: float) -> str:
    """Return the version that serves a call.

    Args:
        draw: A number from 0 up to, not including, 1.
    """
    for version, weight in alias.weights.items():
        if draw < weight:
            return version
        draw -= weight
    return alias.function_version


class Registry:
    """All functions. Changes go through it, so that pools and the store hear of them."""

    def __init__(self) -> None:
        self._scopes: dict[tuple[str, str], dict[str, Function]] = {}
        self._reserved: dict[tuple[str, str], int] = {}
        #: Called with each version that must not be run any more.
        self.on_retired: list[Callable[[FunctionVersion, str], None]] = []

    def functions(self, account: str, region: str) -> dict[str, Function]:
        """Return the functions of one account and region, by name."""
        return self._scopes.setdefault((account, region), {})

    def all(self) -> list[Function]:
        return [function for scope in self._scopes.values() for function in scope.values()]

    def find(self, account: str, region: str, name: str) -> Function | None:
        scope = self._scopes.get((account, region))
        return None if scope is None else scope.get(name)

    def resolve(
        self, account: str, region: str, name: str, qualifier: str = LATEST
    ) -> FunctionVersion:
        """Return the version to run.

        Raises:
            AwsError: ResourceNotFoundException, with AWS's text.
        """
        function = self.find(account, region, name)
        version = None if function is None else function.version(qualifier)
        if version is None:
            arn = function_arn(account, region, name, qualifier)
            raise AwsError("ResourceNotFoundException", f"Function not found: {arn}", Type="User")
        return version

    def reserve(self, function: Function, concurrency: int | None) -> None:
        """Set or lift a function's reserved concurrency."""
        scope = (function.latest.account, function.latest.region)
        before = function.reserved_concurrency or 0
        self._reserved[scope] = self.reserved(*scope) - before + (concurrency or 0)
        function.reserved_concurrency = concurrency

    def reserved(self, account: str, region: str) -> int:
        """Return the sum of all reservations."""
        return self._reserved.get((account, region), 0)

    def add(self, function: Function) -> None:
        latest = function.latest
        self.functions(latest.account, latest.region)[latest.name] = function

    def update(self, function: Function, latest: FunctionVersion, reason: str) -> None:
        """Replace $LATEST; if what runs has changed, the old one is retired."""
        before, function.latest = function.latest, latest
        if before.generation != latest.generation:
            self._retire(before, reason)

    def remove(self, function: Function) -> None:
        latest = function.latest
        self.reserve(function, None)
        self.functions(latest.account, latest.region).pop(latest.name, None)
        for version in (latest, *function.versions.values()):
            self._retire(version, "function deleted")

    def remove_version(self, function: Function, version: str) -> None:
        gone = function.versions.pop(version, None)
        if gone is not None:
            self._retire(gone, "version deleted")

    def reload(self, function: Function, code: Code | None = None) -> None:
        """The code of $LATEST changed where it lies: what runs is no longer what is there."""
        before = function.latest
        latest = replace(before, code=code or before.code, generation=before.generation + 1)
        self.update(function, latest, "code changed")

    def _retire(self, version: FunctionVersion, reason: str) -> None:
        for listener in self.on_retired:
            listener(version, reason)
