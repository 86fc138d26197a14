"""Snapshots of versions with SnapStart: taken when they are published, and of what they warn.

https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from emulator.model.function import FunctionVersion
from emulator.services.context import Parts
from emulator.services.lambda_.lifecycle.managed_instances import Failure

if TYPE_CHECKING:
    from emulator.pool.snap_start import SnapStartPool

#: AWS's StateReasonCode of a version whose INIT or hooks fail while it is published.
FUNCTION_ERROR = "FunctionError"
#: Bytes of an error that a StateReason repeats.
_REASON = 1000


def pool_of(parts: Parts, version: FunctionVersion) -> SnapStartPool:
    """Return the pool of a version with SnapStart."""
    from emulator.pool.snap_start import SnapStartPool

    pool = parts.pools.pool(version)
    assert isinstance(pool, SnapStartPool)
    return pool


def drop(parts: Parts, version: FunctionVersion) -> None:
    """Let go of a version's snapshot: it is made anew."""
    pool_of(parts, version).drop_snapshot()


async def take(parts: Parts, version: FunctionVersion) -> Failure | None:
    """Take the snapshot of a version; returns why it can't be had, or None.

    Raises:
        DriverFault: The machine could not start its sandbox.
    """
    pool = pool_of(parts, version)
    failure = await pool.take_snapshot()
    if failure is not None:
        return Failure(_text(failure.payload, failure.error_type), FUNCTION_ERROR)
    name = f"{version.name}:{version.version}"
    if pool.hindrances:
        reasons = "; ".join(pool.hindrances)
        parts.console.info(
            f"{name} is restored from a spare that is initialised ahead of use: {reasons}."
        )
    for shared in pool.shared:
        parts.console.warn(f"{name}: all environments restored from its snapshot share {shared}.")
    return None


def _text(payload: bytes, error_type: str) -> str:
    try:
        told = orjson.loads(payload)
        return f"{told.get('errorType') or error_type}: {told['errorMessage']}"[:_REASON]
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return error_type or "INIT failed"
