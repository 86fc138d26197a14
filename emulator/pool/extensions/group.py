"""The extensions of one environment, and the events that they get.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from emulator.model.function import FunctionVersion
from emulator.model.invocation import InvocationResult
from emulator.model.sandbox import Exit
from emulator.pool import failures
from emulator.pool.extensions.members import Extension, ExtensionState, Parked, Refused

if TYPE_CHECKING:
    from emulator.pool.extensions.subscriptions import Subscription

#: How many extensions an environment may have.
MOST = 10
#: Seconds for SHUTDOWN where there are processes of extensions, or internal ones only.
SHUTDOWN_S, INTERNAL_SHUTDOWN_S = 2.0, 0.5
INVOKE, SHUTDOWN = "INVOKE", "SHUTDOWN"


class ExtensionEvents(Protocol):
    """What an environment hears of its extensions. Every call returns at once."""

    version: FunctionVersion

    @property
    def initialising(self) -> bool:
        """Its INIT phase has not ended."""
        ...

    def extensions_changed(self) -> None:
        """One of them has registered, or waits for its next event."""
        ...

    def subscribe(self, subscription: Subscription) -> None:
        """Have an extension hear the log."""
        ...

    def extension_failed(self, failure: InvocationResult) -> None:
        """One of them has ended, or says that it can't go on."""
        ...


class Extensions:
    """All extensions of one environment.

    Args:
        events: The environment.
        external: By name, the end of each extension's process.
    """

    def __init__(
        self, events: ExtensionEvents, external: Mapping[str, asyncio.Future[Exit]]
    ) -> None:
        self._events = events
        self.external = external
        self.members = {name: Extension(name=name, external=True) for name in external}
        #: It has been told that the environment ends: no end of a process is a crash any more.
        self.stopping = False
        for name, exited in external.items():
            member = self.members[name]
            exited.add_done_callback(partial(self._exited, member))

    def check_number(self) -> None:
        """Fail INIT where there are more processes of extensions than there may be."""
        if len(self.external) > MOST:
            one_too_many = list(self.members.values())[MOST]
            one_too_many.not_launched("TooManyExtensions")
            self._fail(one_too_many, "Extension.LaunchError", "ErrTooManyExtensions")

    # --- how far they are ----------------------------------------------------------------------

    @property
    def registered(self) -> bool:
        """All processes have registered: the runtime may start."""
        there = (ExtensionState.REGISTERED, ExtensionState.READY, ExtensionState.RUNNING)
        return all(each.state in there for each in self._living())

    @property
    def ready(self) -> bool:
        """All have asked for their first event."""
        there = (ExtensionState.READY, ExtensionState.RUNNING)
        return all(each.state in there for each in self._living())

    @property
    def busy(self) -> bool:
        """One of them has not come back from an event."""
        return any(each.pending or each.state is ExtensionState.RUNNING for each in self._living())

    def _living(self) -> Iterable[Extension]:
        return (each for each in self.members.values() if each.state is not ExtensionState.EXITED)

    # --- what they ask -------------------------------------------------------------------------

    def register(self, name: str, events: tuple[str, ...]) -> Extension:
        """Register an extension.

        Raises:
            Refused: It may not, now or with these events.
        """
        if not name:
            raise Refused("Extension.InvalidExtensionName", "Empty extension name")
        member = self.members.get(name)
        if member is None:
            if not self._events.initialising:
                raise Refused(
                    "Extension.RegistrationClosed", "Extension registration closed already"
                )
            if len(self.members) >= MOST:
                raise Refused("Extension.TooManyExtensions", f"Extension limit ({MOST}) reached")
            if SHUTDOWN in events:
                raise Refused(
                    "ShutdownEventNotSupportedForInternalExtension",
                    "SHUTDOWN event is not supported for internal extensions",
                )
        elif member.state is not ExtensionState.STARTED:
            raise Refused("Extension.AlreadyRegistered", f"Extension {name} has registered already")
        for event in events:
            if event not in (INVOKE, SHUTDOWN):
                raise Refused("Extension.InvalidEventType", f"{event}: unknown event type")
        if INVOKE in events and self._events.version.managed is not None:
            raise Refused("Extension.InvalidEventType", "INVOKE: not an event of Managed Instances")
        if member is None:
            member = self.members[name] = Extension(name=name, external=False)
        member.register(events)
        self._events.extensions_changed()
        return member

    def find(self, identifier: str) -> Extension:
        """Return the extension that a request names.

        Raises:
            Refused: It names none.
        """
        if not identifier:
            raise Refused(
                "Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header"
            )
        for member in self.members.values():
            if member.identifier == identifier:
                return member
        raise Refused("Extension.UnknownExtensionIdentifier", f"Unknown extension {identifier}")

    def wait(self, member: Extension, connection: Parked) -> bytes:
        """Answer ``event/next``: return an event, or nothing where it has to wait.

        Raises:
            Refused: It waits already, or has failed.
        """
        if member.parked is not None or member.state in (
            ExtensionState.INIT_ERROR,
            ExtensionState.EXIT_ERROR,
        ):
            raise Refused(
                "Extension.InvalidExtensionState",
                f"State transition from {member.state} to {ExtensionState.READY} failed"
                f" for extension {member.name}",
            )
        event = member.wait(connection)
        if not event:
            self._events.extensions_changed()
        return event

    def report(self, member: Extension, state: ExtensionState, error_type: str) -> None:
        """Take note that an extension says that it can't initialise, or go on.

        Raises:
            Refused: It is too late for that.
        """
        if not member.may_become(state):
            raise Refused(
                "Extension.InvalidExtensionState",
                f"State transition from {member.state} to {state} failed"
                f" for extension {member.name}",
            )
        member.state, member.error_type = state, error_type
        # What it says by its process's end is heard then: the process is about to end.
        if not member.external:
            self._fail(member, f"Extension.{state}", "exit code 0")

    def subscribe(self, subscription: Subscription) -> None:
        """Have an extension hear the log.

        Raises:
            Refused: It is too late for that.
        """
        if not self._events.initialising and all(
            each.state not in (ExtensionState.STARTED, ExtensionState.REGISTERED)
            for each in self._living()
        ):
            api = subscription.api.capitalize()
            raise Refused(f"{api}.SubscriptionClosed", f"{api} subscription is closed already")
        self._events.subscribe(subscription)

    def lost(self, connection: object) -> None:
        """Take note that a connection has ended."""
        for member in self.members.values():
            if member.parked is connection:
                member.parked = None

    # --- what they hear ------------------------------------------------------------------------

    def invoke(self, request_id: str, deadline_ms: int, function_arn: str, trace_id: str) -> None:
        """Tell those who want to hear of an invocation that it begins."""
        event = {
            "eventType": INVOKE,
            "deadlineMs": deadline_ms,
            "requestId": request_id,
            "invokedFunctionArn": function_arn,
            "tracing": {"type": "X-Amzn-Trace-Id", "value": trace_id},
        }
        self._tell(INVOKE, event, request_id)

    def shut_down(self, reason: str, deadline_ms: int) -> list[asyncio.Future[Exit]]:
        """Tell those who want to hear of it that the environment ends.

        Args:
            reason: "spindown", "timeout" or "failure".
            deadline_ms: Until when they have time, milliseconds since the epoch.

        Returns:
            The ends of the processes that were told.
        """
        event = {"eventType": SHUTDOWN, "shutdownReason": reason, "deadlineMs": deadline_ms}
        self._tell(SHUTDOWN, event, "")
        return [
            self.external[each.name]
            for each in self._living()
            if each.external and SHUTDOWN in each.events
        ]

    def _tell(self, kind: str, event: dict[str, Any], event_id: str) -> None:
        body = orjson.dumps(event)
        head = (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            f"Lambda-Extension-Event-Identifier: {event_id}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        for member in self._living():
            if kind in member.events:
                member.give(head.encode() + body)

    # --- their ends ----------------------------------------------------------------------------

    def _exited(self, member: Extension, done: asyncio.Future[Exit]) -> None:
        if done.cancelled():
            return
        before, member.state = member.state, ExtensionState.EXITED
        member.parked = None
        if self.stopping:
            return
        kind = "Extension.Crash"
        if before in (ExtensionState.INIT_ERROR, ExtensionState.EXIT_ERROR):
            kind, member.state = f"Extension.{before}", before
        gone = done.result()
        if gone.error_type:
            denied = "permission denied" in gone.message
            member.not_launched("PermissionDenied" if denied else "UnknownError")
            kind = gone.error_type
        self._fail(member, kind, failures.exit_text(gone))

    def _fail(self, member: Extension, kind: str, how: str) -> None:
        if not self.stopping:
            member.error_type = member.error_type or kind
            self._events.extension_failed(failures.extension_failed(kind, how))

    @property
    def shutdown_s(self) -> float:
        """How long they have for their last work; 0 where none has registered."""
        if self.external:
            return SHUTDOWN_S
        return INTERNAL_SHUTDOWN_S if self.members else 0.0
