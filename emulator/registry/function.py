"""A function with its versions and aliases, and the choice of the version that runs."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from emulator.model.function import LATEST, LATEST_PUBLISHED, FunctionVersion
from emulator.registry.attachments import Attachments


@dataclass(slots=True, kw_only=True)
class Alias:
    """A name for a version; it may send a share of its calls to another version."""

    name: str
    function_version: str
    description: str = ""
    revision_id: str = ""
    #: Version to the share of calls it gets, 0 to 1; the rest go to ``function_version``.
    weights: Mapping[str, float] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Function:
    """A function: $LATEST, published versions, aliases, and their configurations."""

    latest: FunctionVersion
    #: Published versions, oldest first.
    versions: dict[str, FunctionVersion] = field(default_factory=dict)
    aliases: dict[str, Alias] = field(default_factory=dict)
    next_version: int = 1
    #: The number of the newest version, and the fingerprint that $LATEST had when it was published.
    published: tuple[str, str] | None = None
    #: The reserved concurrency; None if the function shares the account's.
    reserved_concurrency: int | None = None
    #: The provisioned concurrency of all versions. Not stored: computed at each start.
    provisioned_concurrency: int = 0
    tags: dict[str, str] = field(default_factory=dict)
    #: Policies, URLs and other configurations of the function, its versions and aliases.
    attached: Attachments = field(default_factory=Attachments)
    #: Versions in a transition (Pending, InProgress) as they will be after it. These are stored:
    #: a restart ends every transition.
    settling: dict[str, FunctionVersion] = field(default_factory=dict)
    #: When each version was invoked last, or became Active; seconds since the epoch. Not stored:
    #: after a restart, idle time counts from the restart.
    used: dict[str, float] = field(default_factory=dict)
    #: True if the user's folder declares it. Not stored: the folder declares it at each start.
    declared: bool = False

    @property
    def name(self) -> str:
        """The function's name."""
        return self.latest.name

    @property
    def arn(self) -> str:
        """The function's ARN, without a qualifier."""
        return self.latest.function_arn

    @property
    def set_aside(self) -> int:
        """The concurrency that no other function can use."""
        if self.reserved_concurrency is None:
            return self.provisioned_concurrency
        return self.reserved_concurrency

    def version(self, qualifier: str) -> FunctionVersion | None:
        """Return the version to run; an alias with weights chooses at random.

        On Managed Instances $LATEST.PUBLISHED, its last published state, runs in its place.
        """
        if qualifier == LATEST:
            managed = self.latest.managed is not None
            return self.versions.get(LATEST_PUBLISHED) if managed else self.latest
        alias = self.aliases.get(qualifier)
        if alias is None:
            return self.versions.get(qualifier)
        return self.numbered(choose_version(alias, random.random()))

    def numbered(self, version: str) -> FunctionVersion | None:
        """Return $LATEST or a published version."""
        return self.latest if version == LATEST else self.versions.get(version)

    def revision_of(self, qualifier: str) -> str:
        """Return the RevisionId of a version or an alias; "" if there is no such name."""
        found = self.aliases.get(qualifier) or self.numbered(qualifier)
        return "" if found is None else found.revision_id

    def settled(self, version: str) -> FunctionVersion:
        """Return a version as it will be when its transition has ended.

        Raises:
            KeyError: There is no such version.
        """
        found = self.settling.get(version) or self.numbered(version)
        if found is None:
            raise KeyError(version)
        return found


def choose_version(alias: Alias, draw: float) -> str:
    """Return the version that serves a call.

    Args:
        alias: The alias called, with its weights.
        draw: A number from 0 up to, not including, 1.
    """
    for version, weight in alias.weights.items():
        if draw < weight:
            return version
        draw -= weight
    return alias.function_version
