"""What was kept by an earlier release and is refused by today's rules rests; nothing else does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from emulator.model.errors import LocalfaasError

if TYPE_CHECKING:
    from emulator.model.console import Console


@contextmanager
def resting(console: Console, what: str) -> Iterator[None]:
    """Let rest what can't be read today: it is shown and can be removed, and does nothing.

    Args:
        console: Told of it.
        what: What it is, for people.
    """
    try:
        yield
    except (LocalfaasError, ValueError) as error:
        console.warn(f"{what} does nothing, for today's rules refuse it: {error}")
