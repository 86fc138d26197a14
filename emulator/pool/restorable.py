"""An environment that resumes from a snapshot (SnapStart), or waits at one.

A *spare* is initialised up to its snapshot and waits there; a restore lets it go on. The driver
makes a *copy* of an initialised template in milliseconds; the copy goes on by itself.

A runtime that supports snapshots calls ``GET …/restore/next`` at its snapshot; the restore lasts
from there to its first ``next``. Any other runtime is at its snapshot at its first ``next``.

https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks.html
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import orjson

from emulator.driver.base import Sandbox
from emulator.model.billing import Restored
from emulator.model.causes import StopCause
from emulator.model.errors import ConfigurationError, DriverFault
from emulator.model.invocation import InvocationResult
from emulator.model.lazy import LazyModule
from emulator.model.limits import RESTORE_SECONDS
from emulator.model.simulated import SimulatedStart
from emulator.pool import failures
from emulator.pool.errors import RestoreFailed
from emulator.pool.runtime_events import Refusal
from emulator.pool.serial import SerialEnvironment
from emulator.pool.states import EnvironmentState

if TYPE_CHECKING:
    from emulator.pool import notices
else:
    notices = LazyModule("emulator.pool.notices")

_EXTENSIONS = "extensions run beside its runtime"


class Captured(NamedTuple):
    """What a runtime tells about its own snapshot."""

    #: The reasons why it can't be copied, one sentence each; None if the runtime can't tell.
    hindrances: tuple[str, ...] | None = None
    #: State that each environment needs for itself, but all restored ones would share.
    shared: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Captured:
        """Parse a runtime's header; malformed text (user code may write it) gives the defaults."""
        try:
            told = orjson.loads(text)
            return cls(
                tuple(str(each) for each in told["hindrances"]),
                tuple(str(each) for each in told["shared"]),
            )
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return cls()


class RestorableEnvironment(SerialEnvironment):
    """Initialised up to its snapshot, or a copy of one that is."""

    #: What its runtime has told about its snapshot.
    captured = Captured()
    #: True once its runtime has called ``restore/next``.
    _hooked = False
    _restoring: asyncio.Future[InvocationResult | None] | None = None

    # --- up to the snapshot --------------------------------------------------------------------

    def _simulated_init(self) -> SimulatedStart | None:
        return None  # nobody waits for it

    def _init_succeeded(self, sandbox: Sandbox) -> None:
        if self._api.extensions is not None:
            others = self.captured.hindrances or ()
            self.captured = self.captured._replace(hindrances=(*others, _EXTENSIONS))
        self._to(EnvironmentState.SNAPSHOT)

    def _init_failed(self, reason: str) -> None:
        self.stop(StopCause.FAILED, reason)

    def runtime_at_snapshot(self, captured: str) -> Refusal | None:
        if self._runtime_is_up():
            self._hooked = True
            self.captured = Captured.parse(captured)
            return None
        return ("InvalidStateTransition", "The runtime may not call restore/next now.")

    async def expect_copies(self) -> None:
        """Have the driver prepare to copy this one, which waits at its snapshot.

        Raises:
            DriverFault: It can't be copied.
        """
        assert self.sandbox is not None
        await self._driver.expect_copies(self.sandbox, self.spec)

    # --- from there on -------------------------------------------------------------------------

    async def restore(self) -> None:
        """Let a spare go on from its snapshot.

        Raises:
            RestoreFailed: It did not come to its first ``next``; it is gone.
        """
        began = self._clock.monotonic()
        self._to(EnvironmentState.RESTORE)
        self._platform.restore_start()
        restoring = self._await_restored()
        if self._hooked:
            self._api.let_go_on()
        else:
            self._runtime_is_back()
        await self._restored(restoring, began, began, "spare")

    async def copy(self, template: RestorableEnvironment) -> None:
        """Go on as a copy of ``template``, which waits at its snapshot.

        Raises:
            RestoreFailed: It did not come to its first ``next``; it is gone.
            DriverFault: It can't be copied after all; this one is gone.
        """
        began = self._clock.monotonic()
        try:
            assert template.sandbox is not None
            address = await self._api.listen(self._driver.listen_host)
            self.spec = replace(self.spec, runtime_api=address)
            sandbox = await self._driver.copy(template.sandbox, self.spec)
        except (DriverFault, ConfigurationError, OSError) as error:
            self.stop(StopCause.FAILED, "could not be copied")
            raise DriverFault(str(error)) from error
        if not self._is(EnvironmentState.STARTING):  # stopped meanwhile
            self._api.close()
            await self._abandon(sandbox)
            raise DriverFault("it was stopped while it was copied")
        copied = self._clock.monotonic()
        self._to(EnvironmentState.RESTORE)
        self._platform.restore_start()
        restoring = self._await_restored()
        self._attach(sandbox)
        assert sandbox.channel is not None, "copies speak on a channel"
        await self._api.adopt(sandbox.channel)
        if self.exit is not None:
            self._runtime_gone()
        await self._restored(restoring, began, copied, "copy")

    def _await_restored(self) -> asyncio.Future[InvocationResult | None]:
        self._restoring = asyncio.get_running_loop().create_future()
        self.simulated = self._simulate(self.version)
        return self._restoring

    async def _restored(
        self,
        restoring: asyncio.Future[InvocationResult | None],
        began: float,
        hooks_began: float,
        way: str,
    ) -> None:
        """Wait for the first ``next``, within AWS's limit."""
        timer = self._clock.call_later(RESTORE_SECONDS, self._restore_timed_out)
        try:
            failure = await restoring
        finally:
            timer.cancel()
        ended = self._clock.monotonic()
        duration_ms = (ended - began) * 1000
        self._end_output()
        if failure is None:
            self._note_restored(duration_ms, "success", "", way)
            self.init_ms = None  # no caller has waited for the INIT phase
            held_ms = 0.0
            if self.simulated is not None:
                held_ms, self._held_call_ms = (
                    self.simulated.restore_ms,
                    self.simulated.first_call_ms,
                )
            hooks_ms = max(0.0, (ended - hooks_began) * 1000 - held_ms)
            self.restored = Restored(duration_ms, math.ceil(hooks_ms) if self._has_hooks else 0)
            assert self.sandbox is not None
            self._driver.initialised(self.sandbox, self.spec)
            self._to(EnvironmentState.READY)
            self.idle_since = ended
            return
        failed = RestoreFailed(failure)
        status, error_type = ("timeout", "") if failed.timed_out else ("error", failure.error_type)
        self._note_restored(duration_ms, status, error_type, way)
        self.stop(StopCause.FAILED, f"restore {status}")
        raise failed

    @property
    def _has_hooks(self) -> bool:
        """Whether code of the function may have run during the restore."""
        return self._hooked or self.captured.hindrances is not None

    def _note_restored(self, duration_ms: float, status: str, error_type: str, way: str) -> None:
        self._platform.restore_end(duration_ms, status, error_type)
        if self.lifecycle.listeners:
            simulated_ms = (
                self.simulated.restore_ms if self.simulated and status == "success" else 0.0
            )
            notices.restored(
                self.lifecycle, self, duration_ms, status, error_type, way, simulated_ms
            )

    def _restore_timed_out(self) -> None:
        self._end_restore(failures.timed_out("", RESTORE_SECONDS))

    def _runtime_is_back(self) -> bool:
        """End the restore once its simulated part is over; False if no restore runs."""
        if self._restoring is None:
            return False
        if self.simulated is None:
            return self._end_restore(None)
        self._clock.call_later(self.simulated.restore_ms / 1000, self._end_restore, None)
        return True

    def _end_restore(self, failure: InvocationResult | None) -> bool:
        restoring, self._restoring = self._restoring, None
        if restoring is None or restoring.done():
            return False
        restoring.set_result(failure)
        return True

    # --- what the runtime says and does --------------------------------------------------------

    def runtime_waits(self) -> Refusal | None:
        if self._runtime_is_back():
            return None
        return super().runtime_waits()

    def restore_failed(self, payload: bytes, error_type: str) -> Refusal | None:
        if self._end_restore(failures.reported(payload, error_type)):
            return None
        return ("InvalidStateTransition", "Nothing is being restored.")

    def _died(self, gone: object) -> None:
        if self._end_restore(failures.exited("", self.exit or failures.KILLED)):
            return
        if self.state is EnvironmentState.SNAPSHOT:
            self.stop(StopCause.CRASHED, "runtime exited at its snapshot")
            return
        super()._died(self.exit or failures.KILLED)

    def _answer_all(self) -> None:
        self._end_restore(failures.exited("", failures.KILLED))
        super()._answer_all()

    def _give_back(self, reason: str) -> None:
        # Its runtime is not started anew: the next one is restored, which is quicker.
        self._report()
        self.stop(StopCause.CRASHED, reason)
