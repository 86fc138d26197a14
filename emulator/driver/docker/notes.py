"""Notes on what an engine can't do as AWS does."""

from __future__ import annotations

from collections.abc import Iterator

from emulator.driver.docker.responses import EngineInfo


def notes(
    info: EngineInfo, *, shares_files: bool, sized: bool, limits_later: bool
) -> Iterator[str]:
    """Yield a sentence for each.

    Args:
        info: The engine.
        shares_files: It sees this machine's files.
        sized: /tmp has the size that was asked for.
        limits_later: Limits can be given to a container that runs.
    """
    if not shares_files:
        yield (
            "the Docker engine can't see this machine's files: code is shipped to it, and the size "
            "of /tmp is not limited"
        )
    elif not sized:
        yield "the size of /tmp is not limited: that needs root, loop devices and mkfs.ext4"
    if not info.limits:
        yield (
            f"containers of this engine ({info}) have no control groups: memory and CPU are not "
            "limited, and nothing is frozen between invokes"
            + (" (a rootless engine needs version 2 of them)" if info.rootless else "")
        )
    if not info.ulimits:
        yield f"this engine ({info}) does not limit the number of open files"
    if not limits_later:
        yield (
            f"this engine ({info}) can't limit a container that runs: there are no stem cells, "
            "each environment gets a container of its own"
        )
    if not info.init:
        yield (
            "the engine has no init (docker-init): signals a function sends to itself do not end "
            "it as on AWS"
        )
