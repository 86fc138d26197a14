"""How long a test waits for what must come: a guard against hangs, which measures no speed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

#: Seconds: far more than a busy machine needs, and less than pytest gives a test.
PATIENCE_S = 120.0


def until(look: Callable[[], Any], wanted: Callable[[Any], Any] = bool) -> Any:
    """Look again and again, for what tells nobody that it has come; return what is ``wanted``."""
    end = time.monotonic() + PATIENCE_S
    while not wanted(seen := look()):
        assert time.monotonic() < end, f"it did not come; the last that was seen is {seen!r}"
        time.sleep(0.01)
    return seen
