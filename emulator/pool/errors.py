"""Why a caller gets no environment, where the machine is not at fault."""

from __future__ import annotations

from emulator.model.invocation import InvocationResult


class ScalingRateExceeded(Exception):
    """A function asks for new environments faster than it may have them."""


class CapacityExceeded(Exception):
    """Every environment is busy, and there can't be more."""


class InitFailed(Exception):
    """The environments of a version do not come up."""

    def __init__(self, result: InvocationResult) -> None:
        super().__init__(result.error_type)
        #: What their runtime said.
        self.result = result


class RestoreFailed(Exception):
    """An environment could not resume from its snapshot.

    Attributes:
        timed_out: True if the restore took longer than it may.
        result: The failure, as an invocation's result.
    """

    def __init__(self, result: InvocationResult) -> None:
        super().__init__(result.error_type)
        self.timed_out = result.error_type == "Sandbox.Timedout"
        self.result = result
