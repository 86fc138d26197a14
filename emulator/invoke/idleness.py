"""Inactive versions: AWS reclaims the resources of a version that is idle for too long.

No timer watches: each look or call derives the state from the version's last use.
Last-used times are not kept; after a restart, idle time counts from the restart.

https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from emulator.model.clock import Clock
from emulator.model.errors import AwsError
from emulator.model.function import FunctionVersion
from emulator.registry.function import Function
from emulator.registry.functions import Registry


def snapshot_not_ready() -> AwsError:
    """Return AWS's error for a version whose snapshot is not made yet."""
    return AwsError(
        "SnapStartNotReadyException",
        "Lambda is initializing your function. You can invoke the function when the function "
        "state becomes Active.",
        Type="User",
    )


def _not_regenerated(version: FunctionVersion) -> AwsError | None:
    """Return AWS's error if a version's snapshot could not be made anew; None otherwise."""
    if version.state_reason_code != "FunctionError":
        return None
    return AwsError(
        "SnapStartRegenerationFailureException",
        f"The function's snapshot could not be made anew: {version.state_reason}",
        Type="User",
    )


def is_idle(version: FunctionVersion, used_at: float, now: float, after_s: float) -> bool:
    """Say whether a version that could run has been idle too long.

    Versions on Managed Instances never become idle: their environments stay up.

    Args:
        version: The version of a function.
        used_at: When it was invoked last (seconds since the epoch).
        now: Seconds since the epoch.
        after_s: Seconds without an invocation or a change that make a version idle.
    """
    if version.state != "Active" or version.managed is not None or now - used_at < after_s:
        return False
    changed = version.last_modified
    return not changed or now - datetime.fromisoformat(changed).timestamp() >= after_s


class Idleness:
    """Remembers when versions were used, and refuses to run Inactive ones.

    Args:
        registry: Knows the functions.
        clock: Decides how long a version was idle.
        after: Seconds without use that make a version Inactive; 0 means never.
    """

    def __init__(self, registry: Registry, clock: Clock, after: float = 0.0) -> None:
        self._registry, self._clock = registry, clock
        self._after = after or float("inf")
        self._started = clock.now()
        #: Listeners that make an Inactive version ready again; called when somebody invokes it.
        self.on_needed: list[Callable[[Function, FunctionVersion], None]] = []

    def is_idle(self, function: Function, version: FunctionVersion) -> bool:
        """Say whether a version has been idle for so long that it is Inactive."""
        used = function.used.get(version.version, self._started)
        return is_idle(version, used, self._clock.now(), self._after)

    def mark_used(self, version: FunctionVersion) -> None:
        """Note that ``version`` is invoked now.

        Raises:
            AwsError: CodeArtifactUserPendingException, as AWS answers: the version is Inactive,
                and its restore begins now.
        """
        function = self._registry.find(version.account, version.region, version.name)
        if function is None:
            return  # deleted meanwhile
        if version.state == "Inactive" or self.is_idle(function, version):
            for listener in self.on_needed:
                listener(function, version)
            if version.snap_start:
                raise _not_regenerated(version) or snapshot_not_ready()
            raise AwsError(
                "CodeArtifactUserPendingException",
                "Lambda is initializing your function. It will be ready to invoke shortly.",
                Type="User",
            )
        function.used[version.version] = self._clock.now()
