"""Sandboxes ready for the functions there are at the start, so that their first call is quick."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from emulator.model.errors import ConfigurationError, DriverFault, PullFault
from emulator.registry.function import Function
from emulator.services.context import Parts
from emulator.services.lambda_.lifecycle import states
from emulator.services.transitions import RuntimePlatform


async def look(parts: Parts, functions: Iterable[Function]) -> None:
    """See what ``functions`` run on that has to be pulled: they are shown as Pending until then."""
    for platform in _by_platform(functions):
        try:
            if not await parts.driver.is_here(*platform):
                parts.pulling.add(platform)
        except (ConfigurationError, DriverFault):
            pass  # said when it is prepared


async def prepare(parts: Parts, functions: Collection[Function], told: Collection[str]) -> None:
    """Get ready what ``functions`` run on; what can't be had is complained of.

    Args:
        parts: The parts of the emulator.
        functions: The functions.
        told: What has been said already.
    """
    for architecture in {each.latest.architecture for each in functions}:
        note = parts.driver.check_architecture(architecture)
        if note is not None:
            parts.console.warn(note)
    for platform, served in _by_platform(functions).items():
        runtime, image, architecture = platform
        try:
            if image:
                await parts.driver.prepare_image(image, architecture)
            else:
                sizes_mb = [each.latest.memory_mb for each in served]
                await parts.driver.prepare(runtime, architecture, sizes_mb)
        except (ConfigurationError, DriverFault) as error:
            said = {*told, *parts.told}
            if not isinstance(error, PullFault) and str(error) not in said:
                parts.console.warn(str(error))
            if isinstance(error, DriverFault):
                for function in served:
                    states.fail(parts, function, error)
        finally:
            parts.pulling.discard(platform)


def _by_platform(functions: Iterable[Function]) -> dict[RuntimePlatform, list[Function]]:
    """Group those that run on the same; an image that was had once is not looked for again."""
    groups: dict[RuntimePlatform, list[Function]] = {}
    for function in functions:
        code = function.latest.code
        if function.latest.runtime or (code.image and not code.resolved_image):
            groups.setdefault(states.platform(function.latest), []).append(function)
    return groups
