"""Names for requests and traces."""

from __future__ import annotations

import random


def new_request_id() -> str:
    """Return a random UUID (version 4).

    Names a request and guards nothing, so it needs no system call for its randomness.
    """
    digits = f"{random.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def new_trace_root(now: float) -> str:
    """Return a trace header of which nobody has decided yet whether it is traced.

    Args:
        now: Seconds since the epoch.
    """
    return f"Root=1-{int(now):08x}-{random.getrandbits(96):024x}"


def new_trace_id(now: float) -> str:
    """Return a trace header of a trace that is not sampled.

    Args:
        now: Seconds since the epoch.
    """
    token = f"{random.getrandbits(160):040x}"
    return f"Root=1-{int(now):08x}-{token[:24]};Parent={token[24:]};Sampled=0"
