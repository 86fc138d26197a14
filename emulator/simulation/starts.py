"""Starts as a profile has them, for a pool of real environments.

Each function draws from a stream of its own, so that the n-th start of a function takes the same
time however the starts of several functions fall together.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from emulator.model.errors import ConfigurationError
from emulator.model.function import FunctionVersion
from emulator.model.simulated import SimulatedStart
from emulator.simulation.profile import Profile, Row

_MEGABYTE = 1_000_000


class ProfiledStarts:
    """Draws starts and idle times from a profile.

    Args:
        profile: The profile.
        seed: Of all that is drawn; the same seed gives the same times.
        warn: Told once of each runtime that the profile has no figures for.
        keep_idle: Draw how long idle environments are kept, too.
    """

    def __init__(
        self, profile: Profile, seed: int, *, warn: Callable[[str], None], keep_idle: bool = True
    ) -> None:
        self._profile, self._seed, self._warn = profile, seed, warn
        self._keep_idle = keep_idle
        self._counts: dict[tuple[str, str], int] = {}
        self._rows: dict[tuple[str, str, str], Row | None] = {}

    def start(self, version: FunctionVersion) -> SimulatedStart | None:
        """Return what is added to the next start of ``version``; None: nothing is known of it."""
        row = self._row(version)
        if row is None:
            return None
        random, profile = self._random("start", version), self._profile
        restore = profile.restore_ms
        return SimulatedStart(
            profile=profile.name,
            init_ms=profile.init_ms(row, code_mb(version), random),
            first_call_ms=profile.first_call_ms(row, version.memory_mb),
            restore_ms=0.0 if restore is None else restore.draw(random),
        )

    def idle_timeout_s(self, version: FunctionVersion) -> float | None:
        """Return how long an idle environment is kept; None: as the settings say."""
        bounds = self._profile.keep_alive_s
        if bounds is None or not self._keep_idle:
            return None
        return self._random("idle", version).uniform(*bounds)

    def _random(self, what: str, version: FunctionVersion) -> Random:
        key = (what, version.function_arn)
        number = self._counts[key] = self._counts.get(key, 0) + 1
        return Random(f"{self._seed} {what} {version.function_arn} {number}")

    def _row(self, version: FunctionVersion) -> Row | None:
        package = "zip" if version.code.image is None else "image"
        key = (version.runtime, package, version.architecture)
        if key not in self._rows:
            try:
                self._rows[key] = self._profile.row(*key)
            except ConfigurationError as error:
                self._rows[key] = None
                self._warn(f"{error}: its starts take what they take here")
        return self._rows[key]


def code_mb(version: FunctionVersion) -> float:
    """Return the megabytes of a version's code and layers, unpacked; 0 for an image."""
    if version.code.image is not None:
        return 0.0
    layers = sum(layer.code.unpacked_size for layer in version.layers)
    return (version.code.unpacked_size + layers) / _MEGABYTE
