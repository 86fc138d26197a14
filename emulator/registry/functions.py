"""The live functions with their versions and aliases, by account and region."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from emulator.model.arn import function_arn
from emulator.model.errors import AwsError
from emulator.model.function import LATEST, Code, FunctionVersion
from emulator.registry import records
from emulator.registry.document_store import DocumentStore, change
from emulator.registry.function import Function
from emulator.registry.resource_table import ResourceTable


def _unpublished() -> AwsError:
    return AwsError(
        "NoPublishedVersionException",
        "The function can't be invoked because no published version exists. For functions with "
        "capacity provider configuration, either publish a version to $LATEST.PUBLISHED, or "
        "specify a published version qualifier.",
        Type="User",
    )


class Registry:
    """All functions, by account and region.

    Every change goes through the registry, so that pools and the store learn of it. Readers see a
    change at once; :meth:`save` makes it durable. Functions that the user's folder declares are not
    stored: it declares them again at the next start.

    Args:
        documents: Where functions and resources are stored; without, nowhere.
        on_retired: Called with each version that must not run any more, and the reason.

    Attributes:
        layers: Layers with their versions.
        mappings: Event source mappings.
        code_signing: Code signing configurations.
        capacity_providers: Capacity providers.
        on_changed: Called with each function that is new or was changed.
    """

    def __init__(
        self,
        documents: DocumentStore | None = None,
        *,
        on_retired: Sequence[Callable[[FunctionVersion, str], None]] = (),
    ) -> None:
        self._scopes: dict[tuple[str, str], dict[str, Function]] = {}
        self._names: dict[tuple[str, str], list[str]] = {}
        self._set_aside: dict[tuple[str, str], int] = {}
        #: The next version of functions that are gone: no number is given twice to a name.
        self._next_versions: dict[tuple[str, str, str], int] = {}
        self._documents = documents or DocumentStore()
        self.layers = ResourceTable("layer", self._documents)
        self.mappings = ResourceTable("mapping", self._documents)
        self.code_signing = ResourceTable("code-signing", self._documents)
        self.capacity_providers = ResourceTable("capacity-provider", self._documents)
        #: Called with each version that must not be run any more.
        self.on_retired = list(on_retired)
        #: Called with each function that is new, or something about which changed.
        self.on_changed: list[Callable[[Function], None]] = []

    def functions(self, account: str, region: str) -> dict[str, Function]:
        """Return the functions of one account and region, by name; callers must not change it."""
        return self._scopes.get((account, region), {})

    def names(self, account: str, region: str) -> list[str]:
        """Return the sorted names of an account's functions; callers must not change the list."""
        return self._names.get((account, region), [])

    def all(self) -> list[Function]:
        return [function for scope in self._scopes.values() for function in scope.values()]

    def find(self, account: str, region: str, name: str) -> Function | None:
        scope = self._scopes.get((account, region))
        return None if scope is None else scope.get(name)

    def is_reserved(self, version: FunctionVersion) -> bool:
        """Say whether a version's function has concurrency of its own."""
        function = self.find(version.account, version.region, version.name)
        return function is not None and function.reserved_concurrency is not None

    def resolve(
        self, account: str, region: str, name: str, qualifier: str = LATEST
    ) -> FunctionVersion:
        """Return the version that serves a call.

        Args:
            account: The function's account.
            region: The function's region.
            name: The function's name, without a qualifier.
            qualifier: A version or an alias.

        Raises:
            AwsError: ResourceNotFoundException or NoPublishedVersionException, with AWS's text.
        """
        function = self.find(account, region, name)
        version = None if function is None else function.version(qualifier)
        if version is None:
            if function is not None and qualifier == LATEST:
                raise _unpublished()
            arn = function_arn(account, region, name, qualifier)
            raise AwsError("ResourceNotFoundException", f"Function not found: {arn}", Type="User")
        return version

    def reserve(self, function: Function, concurrency: int | None) -> None:
        """Set a function's reserved concurrency; None removes it."""
        before, function.reserved_concurrency = function.set_aside, concurrency
        self._count(function, function.set_aside - before)

    def provision(self, function: Function, concurrency: int) -> None:
        """Set the provisioned concurrency of all versions of a function."""
        before, function.provisioned_concurrency = function.set_aside, concurrency
        self._count(function, function.set_aside - before)

    def _count(self, function: Function, change: int) -> None:
        scope = (function.latest.account, function.latest.region)
        self._set_aside[scope] = self.set_aside(*scope) + change

    def set_aside(self, account: str, region: str) -> int:
        """Return the concurrency set aside by all functions: reserved, else provisioned."""
        return self._set_aside.get((account, region), 0)

    def add(self, function: Function) -> None:
        latest = function.latest
        scope = (latest.account, latest.region)
        functions = self._scopes.setdefault(scope, {})
        if latest.name not in functions:
            insort(self._names.setdefault(scope, []), latest.name)
        functions[latest.name] = function
        following = self._next_versions.pop((*scope, latest.name), 1)
        function.next_version = max(function.next_version, following)
        self._count(function, function.set_aside)
        self.changed(function)

    def changed(self, function: Function) -> None:
        """Call the listeners for a function that has changed."""
        for listener in self.on_changed:
            listener(function)

    def update(self, function: Function, latest: FunctionVersion, reason: str) -> None:
        """Replace $LATEST; retire the old one if its code or configuration differs."""
        before, function.latest = function.latest, latest
        self.changed(function)
        if before.generation != latest.generation:
            self._retire(before, reason)

    async def save(self, function: Function, *published: str, removed: str | None = None) -> None:
        """Store a function's present state.

        Args:
            function: The function.
            *published: Numbers of versions that are new or changed since the last call.
            removed: The number of a version that was deleted.

        Raises:
            AwsError: ServiceException: the disk did not take it. The change is in effect until
                the next start.
        """
        self.changed(function)
        declared = function.declared and function.latest.code.live
        if not self._documents.lasting or declared:
            return
        at = (function.latest.account, function.latest.region)
        changes = [change("function", *at, function.name, records.of_function(function))]
        for number in published:
            body = records.of_version(function.settled(number))
            changes.append(change("version", *at, f"{function.name}:{number}", body))
        if removed is not None:
            changes.append(change("version", *at, f"{function.name}:{removed}", None))
        await self._documents.write(*changes)

    def remove(self, function: Function) -> None:
        """Stop serving a function and all its versions; the store keeps them.

        Nothing happens if it is served no more: another one may have its name.
        """
        latest = function.latest
        if self.find(latest.account, latest.region, latest.name) is function:
            self._take_out(function)
            self._retire_all(function)

    def _take_out(self, function: Function) -> None:
        latest = function.latest
        at = (latest.account, latest.region)
        if self._scopes.get(at, {}).pop(latest.name, None) is not None:
            self._count(function, -function.set_aside)
            names = self._names[at]
            del names[bisect_left(names, latest.name)]
            if function.next_version > 1:
                self.number_from(*at, latest.name, function.next_version)

    def number_from(self, account: str, region: str, name: str, number: int) -> None:
        """Let the first version of the next function of a name have ``number``."""
        self._next_versions[account, region, name] = number

    def number_anew(self, account: str | None) -> None:
        """Forget which versions functions had that are gone, of all accounts or of one: a reset."""
        for at in [each for each in self._next_versions if account in (None, each[0])]:
            del self._next_versions[at]

    def _retire_all(self, function: Function) -> None:
        function.settling.clear()
        for version in (function.latest, *function.versions.values()):
            self._retire(version, "function deleted")

    async def delete(self, function: Function) -> None:
        """Delete a function with all its versions.

        Raises:
            AwsError: ServiceException: the disk did not take it, and it is still served.
        """
        self._take_out(function)
        latest = function.latest
        at = (latest.account, latest.region)
        changes = [
            change("function", *at, latest.name, None),
            *(change("version", *at, f"{latest.name}:{n}", None) for n in function.versions),
        ]
        if function.next_version > 1:
            number = {"next": function.next_version}
            changes.append(change("version-number", *at, latest.name, number))
        try:
            await self._documents.write(*changes)
        except AwsError:
            if self.find(*at, latest.name) is None:
                self.add(function)
            raise
        self._retire_all(function)

    async def delete_version(self, function: Function, version: str) -> None:
        """Delete a published version; nothing happens if there is no such version.

        Raises:
            AwsError: ServiceException: the disk did not take it, and it is still served.
        """
        before = dict(function.versions)
        gone = function.versions.pop(version, None)
        if gone is None:
            return
        try:
            await self.save(function, removed=version)
        except AwsError:
            # In its place: they are listed in the order of their publication.
            function.versions = {**before, **function.versions}
            raise
        function.settling.pop(version, None)
        self._retire(gone, "version deleted")

    def reload(self, function: Function, codes: Mapping[Path, Code] | None = None) -> bool:
        """Let the next calls of a function run what is on the disk now.

        Published versions follow as well: a version of the user's own folder is no snapshot of it.

        Args:
            function: The function.
            codes: The code as it is now, by :attr:`Code.source`: what is not there is unchanged.
                Without, files of $LATEST changed and nothing else.

        Returns:
            Whether any of its versions has such code, or a layer with it.
        """
        if codes is None:
            present = function.latest
            again = replace(present, generation=present.generation + 1)
            self.update(function, again, "code changed")
            return True
        latest = _reloaded(function.latest, codes)
        versions = {n: _reloaded(version, codes) for n, version in function.versions.items()}
        found = [version for version in versions.values() if version is not None]
        for number, version in versions.items():
            if version is not None:
                before, function.versions[number] = function.versions[number], version
                self._retire(before, "code changed")
        for number, version in function.settling.items():
            function.settling[number] = _reloaded(version, codes) or version
        if latest is not None:
            self.update(function, latest, "code changed")
        elif found:
            self.changed(function)
        return latest is not None or bool(found)

    def _retire(self, version: FunctionVersion, reason: str) -> None:
        for listener in self.on_retired:
            listener(version, reason)


def _reloaded(version: FunctionVersion, codes: Mapping[Path, Code]) -> FunctionVersion | None:
    """Return a version with the code that is on the disk now; None where it has none of it."""
    sources = (version.code.source, *(layer.code.source for layer in version.layers))
    if not any(source in codes for source in sources if source is not None):
        return None

    def now(code: Code) -> Code:
        return code if code.source is None else codes.get(code.source, code)

    return replace(
        version,
        code=now(version.code),
        layers=tuple(replace(layer, code=now(layer.code)) for layer in version.layers),
        generation=version.generation + 1,
    )
