"""How many requests a second may come: a bucket of tokens, as API Gateway throttles.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
"""

from __future__ import annotations


class TokenBucket:
    """Lets ``burst`` requests pass at once, and ``rate`` a second in the long run.

    Args:
        rate: Requests a second; it may be less than one.
        burst: Requests at once.
    """

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, rate: float, burst: int) -> None:
        self._rate, self._burst = rate, burst
        self._tokens, self._at = float(burst), 0.0

    def takes(self, now: float) -> bool:
        """Say whether a request may pass, and count it if it may.

        Args:
            now: Seconds on a clock that never goes back.
        """
        if self._at:
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
