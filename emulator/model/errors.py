"""The errors of the emulator: four kinds, never mixed.

1. A *function error* is a result (:class:`emulator.model.invocation.InvocationResult`), not an
   exception.
2. :class:`AwsError` is raised by operations; the edge turns it into AWS's own answer.
3. :class:`DriverFault` and :class:`StorageError` are infrastructure. They become an ``AwsError``
   once: in the invoker for an invocation, in the AWS handler for all else.
4. :class:`ConfigurationError` is the user's, and names the remedy.

::

    LocalfaasError
    ├── AwsError          code, message, status, and the members of the error's shape
    ├── DriverFault       an execution environment could not be had or was lost
    │   └── PullFault         its image could not be pulled
    ├── StorageError      the state folder could not keep or give back what it was asked to
    │   └── StorageFull   its disk is full; nothing that was acknowledged is lost
    └── ConfigurationError  a setting or template the user can mend; printed, never a traceback
"""

from __future__ import annotations

from typing import Any


class LocalfaasError(Exception):
    """The root of every error raised on purpose."""


class AwsError(LocalfaasError):
    """An error that an AWS service answers.

    Args:
        code: The error's wire code, e.g. ``ResourceNotFoundException``.
        message: AWS's text.
        status: The HTTP status. ``None`` takes the one the service model gives for ``code``
            (400 where the model does not say).
        fields: Further members of the error's shape, e.g. ``Type="User"`` or ``Reason=...``.
    """

    def __init__(
        self, code: str, message: str, *, status: int | None = None, **fields: Any
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.fields = fields


class DriverFault(LocalfaasError):
    """The driver could not start, reach or keep an execution environment."""


class PullFault(DriverFault):
    """An image could not be pulled. The console has shown why."""


class ConfigurationError(LocalfaasError):
    """The user has to change a setting, a template or a folder. The message names the remedy."""


class StorageError(LocalfaasError):
    """The state folder could not keep or give back what it was asked to."""


class StorageFull(StorageError):
    """The disk under the state folder is full. The write was not done; later ones may succeed."""
