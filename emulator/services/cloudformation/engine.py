"""Runs the operations on stacks: one at a time for each stack.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-failure-options.html
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence

from emulator.services.cloudformation.operation import Operation
from emulator.services.cloudformation.stack import OPERATIONS, Stack
from emulator.services.cloudformation.toolbox import Toolbox
from emulator.services.cloudformation.updating import UpdatingWork
from emulator.stack.errors import TransformError

_log = logging.getLogger(__name__)


class Engine:
    """Runs operations on stacks.

    Args:
        tools: What they are done with.
    """

    def __init__(self, tools: Toolbox) -> None:
        self._tools = tools
        self._running: dict[str, tuple[UpdatingWork, asyncio.Task[None]]] = {}

    def start(
        self, stack: Stack, operation: str, refusal: TransformError | None = None
    ) -> asyncio.Task[None]:
        """Do an operation in the background; returns its task.

        Args:
            stack: The stack.
            operation: A key of :data:`emulator.services.cloudformation.stack.OPERATIONS`.
            refusal: Why the stack can't be had as its goal says: it is rolled back.
        """
        work = UpdatingWork(self._tools, stack)
        stack.moved_at = self._tools.clock.now()
        task = asyncio.get_running_loop().create_task(self._run(work, operation, refusal))
        self._running[stack.stack_id] = work, task
        task.add_done_callback(lambda done: self._ended(stack, done))
        return task

    async def stop(self, stack: Stack) -> None:
        """End what is under way at a stack: what a service has begun comes to its end."""
        work, task = self._running.get(stack.stack_id, (None, None))
        if work is not None and task is not None:
            work.stop()
            await asyncio.gather(task, return_exceptions=True)

    async def close(self) -> None:
        """Leave all operations where they are; they go on at the next start."""
        await self._cancel([task for _, task in self._running.values()])

    async def give_up(self, stacks: Iterable[Stack]) -> None:
        """Leave what is under way at stacks where it is, for good: the stacks are forgotten."""
        ids = {stack.stack_id for stack in stacks}
        await self._cancel([task for id, (_, task) in self._running.items() if id in ids])

    async def _cancel(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(
        self, work: UpdatingWork, operation: str, refusal: TransformError | None
    ) -> None:
        stack = work.stack
        try:
            await Operation(self._tools, work, operation, refusal).run()
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 a bug of ours: told in full, and nothing hangs
            _log.exception("stack %s failed", stack.name)
            failed = f"{OPERATIONS[operation][0].removesuffix('_IN_PROGRESS')}_FAILED"
            await self._tools.store.record(stack, failed, f"localfaas failed: {error}", goals=True)

    def _ended(self, stack: Stack, task: asyncio.Task[None]) -> None:
        if self._running.get(stack.stack_id, (None, None))[1] is task:
            del self._running[stack.stack_id]
