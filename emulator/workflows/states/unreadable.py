"""A state that an earlier release took and today's rules can't read."""

from dataclasses import dataclass

from .. import errors
from ..effects import Fail
from ..frames import Frame, Moment
from ..json_text import Json
from ..machine import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable(State):
    """Fails, and says why; the rest of its machine goes on being what it is.

    Args:
        reason: Why it can't be read.
    """

    reason: str = ""

    def enter(self, frame: Frame, moment: Moment) -> Fail:
        return Fail(errors.RUNTIME, self.reason)

    def leave(self, frame: Frame, result: Json, moment: Moment) -> Fail:
        return Fail(errors.RUNTIME, self.reason)
