"""One extension of an environment: its states, and the event it waits for."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class ExtensionState(StrEnum):
    """AWS's words for the states of an extension, as its log line shows them."""

    #: Its process runs.
    STARTED = "Started"
    REGISTERED = "Registered"
    #: It waits for an event.
    READY = "Ready"
    #: It works on an event.
    RUNNING = "Running"
    #: It could not be started.
    LAUNCH_ERROR = "LaunchError"
    INIT_ERROR = "InitError"
    EXIT_ERROR = "ExitError"
    #: Its process has ended.
    EXITED = "Exited"


#: The legal transitions. From each state its process may end.
TRANSITIONS: dict[ExtensionState, frozenset[ExtensionState]] = {
    ExtensionState.STARTED: frozenset({ExtensionState.REGISTERED}),
    ExtensionState.REGISTERED: frozenset(
        {ExtensionState.READY, ExtensionState.INIT_ERROR, ExtensionState.EXIT_ERROR}
    ),
    ExtensionState.READY: frozenset({ExtensionState.RUNNING, ExtensionState.EXIT_ERROR}),
    ExtensionState.RUNNING: frozenset({ExtensionState.READY, ExtensionState.EXIT_ERROR}),
    ExtensionState.LAUNCH_ERROR: frozenset(),
    ExtensionState.INIT_ERROR: frozenset(),
    ExtensionState.EXIT_ERROR: frozenset(),
    ExtensionState.EXITED: frozenset(),
}


class Refused(Exception):
    """A request of an extension that is refused: AWS's error type, a text, an HTTP status."""

    def __init__(self, error_type: str, message: str, status: int = 403) -> None:
        super().__init__(message)
        self.error_type, self.message, self.status = error_type, message, status


class Parked(Protocol):
    """A connection that waits for an answer."""

    def write(self, *data: bytes) -> None: ...


@dataclass(slots=True, kw_only=True, eq=False)
class Extension:
    """An extension.

    Attributes:
        name: The file's name, or what an internal extension calls itself.
        external: It is a process of its own.
        events: What it has registered for.
        identifier: What its requests name it by; empty until it has registered.
        error_type: What it has reported of its failure.
        parked: The connection whose ``event/next`` waits.
        pending: An event that it has not asked for yet.
    """

    name: str
    external: bool
    state: ExtensionState = ExtensionState.STARTED
    events: tuple[str, ...] = ()
    identifier: str = ""
    error_type: str = ""
    parked: Parked | None = None
    pending: list[bytes] = field(default_factory=list)

    def may_become(self, state: ExtensionState) -> bool:
        """Say whether a transition is legal."""
        return state is ExtensionState.EXITED or state in TRANSITIONS[self.state]

    def not_launched(self, why: str) -> None:
        """Take note that it could not be started, with AWS's word for the reason."""
        self.state, self.error_type = ExtensionState.LAUNCH_ERROR, why

    def register(self, events: tuple[str, ...]) -> None:
        """Take note of what it registers for."""
        self.state = ExtensionState.REGISTERED
        self.events = events
        self.identifier = str(uuid.uuid4())

    def give(self, event: bytes) -> None:
        """Answer its ``event/next`` with an event, now or once it asks."""
        parked, self.parked = self.parked, None
        if parked is None:
            self.pending.append(event)
        else:
            self.state = ExtensionState.RUNNING
            parked.write(event)

    def wait(self, connection: Parked) -> bytes:
        """Return the event that is there for it, or leave its connection waiting."""
        if self.pending:
            self.state = ExtensionState.RUNNING
            return self.pending.pop(0)
        self.state = ExtensionState.READY
        self.parked = connection
        return b""
