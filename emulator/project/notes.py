"""Notes for the user on functions' code and runtimes, given before anybody calls them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from emulator.code.live import Missed
from emulator.model.errors import ConfigurationError

#: The most names that one note lists.
_SHOWN = 3


def of_missed(name: str, missed: Missed) -> Iterator[str]:
    """Yield a note for each kind of thing that a function will not find in its folder."""
    if missed.links_out:
        yield (
            f"{name}: a function sees its own folder alone, and not where these links lead: "
            + _listed(missed.links_out)
        )
    if missed.unreadable:
        yield f"{name}: a function can't read these (see their modes): {_listed(missed.unreadable)}"


def of_runtimes(
    runtimes: Iterable[str], check: Callable[[str], str | None], *, strict: bool = False
) -> Iterator[str]:
    """Yield a note for each runtime that is served by another one, or by none.

    Raises:
        ConfigurationError: With ``strict``, if a runtime can't be served.
    """
    for runtime in sorted(set(runtimes) - {""}):
        try:
            note = check(runtime)
        except ConfigurationError as error:
            if strict:
                raise
            note = str(error)
        if note is not None:
            yield note


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
