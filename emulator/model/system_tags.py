"""Tags whose keys begin with ``aws:``: AWS's own services give them, and nobody else does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

RESERVED = "aws:"
#: What the tags begin with that the service under way may give; "" for a client.
_allowed: ContextVar[str] = ContextVar("allowed", default="")


@contextmanager
def given_by(service: str) -> Iterator[None]:
    """Let the calls within give the tags of a service of AWS: ``aws:<service>:…``."""
    token = _allowed.set(f"{RESERVED}{service}:")
    try:
        yield
    finally:
        _allowed.reset(token)


def is_refused(key: str) -> bool:
    """Say whether the caller may not give a tag with this key."""
    if not key.lower().startswith(RESERVED):
        return False
    allowed = _allowed.get()
    return not allowed or not key.startswith(allowed)


def counted(keys: Iterable[str]) -> int:
    """Return how many tags count towards the most that a resource may have: AWS's own do not."""
    return sum(not key.startswith(RESERVED) for key in keys)
