"""The pool of a version with SnapStart: initialised once, and restored for each environment.

https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html
"""

from __future__ import annotations

import asyncio

from emulator.model.causes import ColdCause, ColdStart, StopCause
from emulator.model.errors import DriverFault
from emulator.model.function import FunctionVersion
from emulator.model.invocation import InvocationResult
from emulator.pool.environment import Environment
from emulator.pool.errors import InitFailed
from emulator.pool.host import PoolHost
from emulator.pool.pool import Pool
from emulator.pool.restorable import Captured, RestorableEnvironment
from emulator.pool.states import EnvironmentState


class SnapStartPool(Pool):
    """The environments of a version, each restored from its snapshot.

    The snapshot is an environment that waits just before its first invocation. Where it can be
    copied it stays for good; elsewhere it is a spare, and the next one is initialised when it goes.
    Of callers that come meanwhile, each has its own initialised, beside the others.
    """

    restores = True

    def __init__(
        self, pools: PoolHost[Pool], version: FunctionVersion, tenant_id: str = ""
    ) -> None:
        super().__init__(pools, version, tenant_id)
        self._snapshot: RestorableEnvironment | None = None
        #: What is being initialised, to be the snapshot or a caller's own spare.
        self._made: set[RestorableEnvironment] = set()
        #: How many callers wait for the snapshot that is being taken.
        self._awaiting = 0
        self._taking: asyncio.Task[InvocationResult | None] | None = None
        #: Why the snapshot can't be copied, one sentence each; empty where it can.
        self.hindrances: tuple[str, ...] = ()
        #: What the environments share though it should be each one's own.
        self.shared: tuple[str, ...] = ()
        #: Milliseconds of the INIT that led to the snapshot taken last.
        self.init_ms: float | None = None

    @property
    def has_snapshot(self) -> bool:
        """Whether an environment can be restored at once."""
        return self._snapshot is not None

    @property
    def way(self) -> str:
        """How environments are restored: "copy" or "spare"."""
        return "spare" if self.hindrances else "copy"

    async def take_snapshot(self) -> InvocationResult | None:
        """Initialise the version and keep it as it is then; returns why that failed, or None.

        Raises:
            DriverFault: Its sandbox could not be started.
        """
        if self._snapshot is not None:
            return None
        if self._taking is None:
            self._refill()
            assert self._taking is not None
        return await asyncio.shield(self._taking)

    def _taken(self, task: asyncio.Task[InvocationResult | None]) -> None:
        self._taking = None
        if not task.cancelled():
            task.exception()  # who waits for it hears of it; a spare is tried again when needed

    async def _take(self) -> InvocationResult | None:
        made = await self._initialise()
        if isinstance(made, InvocationResult):
            return made
        await self._make_copyable(made)
        self.init_ms, self._snapshot = made.init_ms, made
        self._pools.keep_snapshot(self)
        return None

    async def _initialise(self) -> RestorableEnvironment | InvocationResult:
        """Return an environment that waits at its snapshot; or why its INIT failed.

        Raises:
            DriverFault: Its sandbox could not be started.
        """
        await self._pools.opened.wait()
        if self._pools.closed or self.closed:
            raise DriverFault("the version is not served any more")
        made = self._pools.make(self, ColdStart(ColdCause.SCALED, detail="snapshot"))
        assert isinstance(made, RestorableEnvironment)
        made.takes_place = False
        self._made.add(made)
        try:
            await made.start()
        finally:
            self._made.discard(made)
        if made.state is not EnvironmentState.SNAPSHOT:
            return made.init_failure or InvocationResult(
                payload=b"{}", function_error="Unhandled", error_type="Runtime.ExitError"
            )
        return made

    async def _make_copyable(self, made: RestorableEnvironment) -> None:
        """Find out whether the snapshot can be copied, and have the first copy ready if so.

        Raises:
            DriverFault: It has ended meanwhile.
        """
        self._judge(made.captured)
        if not self.hindrances:
            try:
                await made.expect_copies()
            except DriverFault as fault:
                self.hindrances = (str(fault),)
        if made.state is not EnvironmentState.SNAPSHOT:
            raise DriverFault("the snapshot has ended")

    def _judge(self, captured: Captured) -> None:
        self.shared = captured.shared
        if captured.hindrances is None:
            self.hindrances = ("its runtime can't be copied",)
        elif not self._pools.copies:
            self.hindrances = ("this machine or driver can't copy sandboxes",)
        else:
            self.hindrances = captured.hindrances

    async def _start_environment(
        self, *, provisioned: bool = False, request_id: str = "", ahead: bool = False
    ) -> Environment:
        if provisioned:
            return await super()._start_environment(provisioned=True)
        why = ColdStart(ColdCause.SCALED) if ahead else self._why_cold()
        snapshot = await self._get_snapshot()
        if not self.hindrances:
            try:
                return await self._copy(snapshot, why, request_id)
            except DriverFault as fault:
                if self.closed or self._pools.closed:
                    raise
                self.hindrances = (str(fault),)
            # The place of the copy has gone with it.
            await self.room()
            snapshot = await self._get_snapshot()
        return await self._go_on(snapshot, why)

    async def _get_snapshot(self) -> RestorableEnvironment:
        """Return what to restore from, taken anew where it is gone.

        Raises:
            DriverFault: There is none, and none can be had; the caller's place is given back.
            InitFailed: Its INIT fails; so it is.
        """
        try:
            while self._snapshot is None:
                if self.hindrances and self._awaiting:
                    # A spare is one environment's, and the next one is another caller's.
                    made = await self._initialise()
                    if isinstance(made, InvocationResult):
                        raise InitFailed(made)
                    return made
                self._awaiting += 1
                try:
                    failure = await self.take_snapshot()
                finally:
                    self._awaiting -= 1
                if failure is not None:
                    raise InitFailed(failure)
        except (DriverFault, InitFailed):
            self._pools.release()
            raise
        self._pools.keep_snapshot(self)
        return self._snapshot

    async def _copy(
        self, template: RestorableEnvironment, why: ColdStart, request_id: str
    ) -> Environment:
        made = self._pools.make(self, why, request_id=request_id)
        assert isinstance(made, RestorableEnvironment)
        made.captured = template.captured
        self.environments[made.id] = made
        await made.copy(template)
        return made

    async def _go_on(self, spare: RestorableEnvironment, why: ColdStart) -> Environment:
        """Restore a spare, and initialise the next one."""
        if spare is self._snapshot:
            self._snapshot = None
        spare.takes_place = True
        spare.why = why
        self.environments[spare.id] = spare
        self._pools.note_started(self)
        try:
            await spare.restore()
        finally:
            if not self.closed and not self._pools.closed:
                self._refill()
        return spare

    def _refill(self) -> None:
        """Initialise the next spare, in the background, unless there is one."""
        if self._taking is None and self._snapshot is None:
            self._taking = self._pools.spawn(self._take())
            self._taking.add_done_callback(self._taken)

    def drop_snapshot(self) -> None:
        """Let go of the snapshot: the next environment needs a new one."""
        snapshot, self._snapshot = self._snapshot, None
        if snapshot is not None:
            snapshot.stop(StopCause.UNWANTED, "its snapshot is not kept")

    def on_gone(self, environment: Environment) -> None:
        """Take an environment out that has ended."""
        if environment is self._snapshot:
            self._snapshot = None
        super().on_gone(environment)

    def drain(self, cause: StopCause, reason: str = "") -> None:
        super().drain(cause, reason)
        for each in (self._snapshot, *self._made):
            if each is not None:
                each.stop(cause, reason)
        self._snapshot = None
