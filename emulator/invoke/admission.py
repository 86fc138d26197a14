"""The right to run: concurrency of functions and accounts, as leases.

Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html; errors as recorded.
"""

from __future__ import annotations

from collections import defaultdict

from emulator.model.errors import AwsError
from emulator.model.function import FunctionVersion
from emulator.model.limits import ACCOUNT_CONCURRENCY
from emulator.registry.functions import Registry

#: Counts what runs in environments of provisioned concurrency; they are their own limit.
_PROVISIONED = "provisioned"


def throttled(reason: str) -> AwsError:
    """Return the 429 of Invoke, with AWS's word for the reason."""
    return AwsError("TooManyRequestsException", "Rate Exceeded.", Reason=reason, Type="User")


class Lease:
    """The right to run one invocation, closed once."""

    __slots__ = ("_count", "_key")

    def __init__(self, count: dict[object, int], key: object) -> None:
        self._count = count
        self._key = key
        count[key] += 1

    def close(self) -> None:
        self._count[self._key] -= 1


class Admission:
    """Counts what runs, and says no when AWS would."""

    def __init__(self, registry: Registry, limit: int = ACCOUNT_CONCURRENCY) -> None:
        self._registry = registry
        #: Environments that may run at once in one account and region.
        self.limit = limit
        self._running: dict[object, int] = defaultdict(int)

    def lease(self, version: FunctionVersion, *, provisioned: bool = False) -> Lease:
        """Take the right to run ``version`` once.

        Args:
            version: What is to run.
            provisioned: It runs in an environment of provisioned concurrency, which was set
                aside when it was configured.

        Raises:
            AwsError: TooManyRequestsException with AWS's Reason.
        """
        if provisioned:
            return Lease(self._running, _PROVISIONED)
        function = self._registry.find(version.account, version.region, version.name)
        reserved = None if function is None else function.reserved_concurrency
        key: object
        if reserved is not None:
            key = version.function_arn
            assert function is not None
            if self._running[key] >= reserved - function.provisioned_concurrency:
                raise throttled("ReservedFunctionConcurrentInvocationLimitExceeded")
        else:
            key = (version.account, version.region)
            if self._running[key] >= self.unreserved(version.account, version.region):
                raise throttled("ConcurrentInvocationLimitExceeded")
        return Lease(self._running, key)

    def unreserved(self, account: str, region: str) -> int:
        """Return the concurrency that functions share: neither reserved nor provisioned."""
        return self.limit - self._registry.set_aside(account, region)
