"""A profile from a user's own REPORT lines.

Source of the line's form: https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from emulator.model.errors import ConfigurationError

_INIT = re.compile(r"REPORT RequestId:.*?\bInit Duration: ([0-9.]+) ms")
_RESTORE = re.compile(r"REPORT RequestId:.*?\bRestore Duration: ([0-9.]+) ms")
_QUANTILES = (1, 5, 10, 25, 50, 75, 90, 95, 99)
#: Cold starts that a profile needs at least.
_FEWEST = 20


def fit(lines: Iterable[str], *, name: str, runtime: str, package: str = "zip") -> str:
    """Return the text of a profile that draws from the durations in log lines.

    Args:
        lines: Lines of a function's log; those that are no REPORT of a cold start do not matter.
        name: What the profile is called.
        runtime: The runtime of the function, e.g. "python3.12".
        package: "zip" or "image".

    Raises:
        ConfigurationError: There are too few cold starts among the lines.
    """
    inits: list[float] = []
    restores: list[float] = []
    for line in lines:
        for pattern, durations in ((_RESTORE, restores), (_INIT, inits)):
            match = pattern.search(line)
            if match is not None:
                durations.append(float(match[1]))
                break
    if len(inits) < _FEWEST and len(restores) < _FEWEST:
        raise ConfigurationError(
            f"{len(inits)} cold starts were found (REPORT lines with Init Duration), and"
            f" {_FEWEST} are needed"
        )
    text = [
        f'name = "{name}"',
        f'source = "{len(inits)} REPORT lines with Init Duration, {len(restores)} with Restore"',
    ]
    if len(inits) >= _FEWEST:
        text += ["", f'[init.runtimes."{runtime}"]', f'package = "{package}"', *_quantiles(inits)]
    if len(restores) >= _FEWEST:
        text += ["", "[restore]", *_quantiles(restores)]
    return "\n".join(text) + "\n"


def _quantiles(durations: list[float]) -> list[str]:
    ordered = sorted(durations)
    return [f"p{q} = {_at(ordered, q / 100):.2f}" for q in _QUANTILES]


def _at(ordered: list[float], share: float) -> float:
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])
