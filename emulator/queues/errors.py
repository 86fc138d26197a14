"""The queue engine's own errors; the SQS operations give them AWS's words.

::

    LocalfaasError
    └── QueueError
        ├── QueueNotFound      no queue has this name
        ├── QueueExists        a queue of this name is there already
        ├── InvalidHandle      not a receipt handle of this queue
        ├── ExpiredHandle      the message is visible again, or was received again
        ├── NotInFlight        the message is gone or waits to be received
        ├── VisibilityTooLong  more than 12 hours since the receive
        ├── TooManyInFlight    the queue's limit of messages in flight is reached
        └── AttemptNotRetryable  what the attempt received was changed or deleted since
"""

from __future__ import annotations

from emulator.model.errors import LocalfaasError


class QueueError(LocalfaasError):
    """A rule of a queue was not met."""


class QueueNotFound(QueueError):
    """No queue has this name."""


class QueueExists(QueueError):
    """A queue of this name is there already."""


class InvalidHandle(QueueError):
    """Not a receipt handle of this queue."""


class ExpiredHandle(QueueError):
    """The message is visible again, or was received again since."""


class NotInFlight(QueueError):
    """The message is gone, or waits to be received."""


class VisibilityTooLong(QueueError):
    """The message would be invisible for more than 12 hours since its receive."""


class TooManyInFlight(QueueError):
    """The queue's limit of messages in flight is reached."""


class AttemptNotRetryable(QueueError):
    """A message this attempt received was changed or deleted since."""
