"""What Step Functions keeps: machines, versions, aliases, activities, and executions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from emulator.registry.resource_table import ResourceTable
from emulator.services.stepfunctions import timeline, tracing
from emulator.services.stepfunctions.announcing import announce
from emulator.services.stepfunctions.arns import Arn
from emulator.services.stepfunctions.engine.engine import Engine
from emulator.services.stepfunctions.engine.journal import Journal
from emulator.services.stepfunctions.logging import ExecutionLogs
from emulator.services.stepfunctions.map_runs import MapRuns
from emulator.services.stepfunctions.measuring import measure
from emulator.services.stepfunctions.tasks.runner import TaskRunner
from emulator.services.stepfunctions.workers import Workers

if TYPE_CHECKING:
    from emulator.services.context import Context, Parts

Machine = dict[str, Any]


class StepFunctions:
    """The service's state; :func:`open` makes it.

    Attributes:
        machines: By their names.
        versions: By the machine's name, a colon and the number.
        aliases: By the machine's name, a colon and theirs.
        activities: By their names.
        engine: Runs executions.
        workers: What waits for workers of activities.
        tasks: Does tasks, and takes answers for them.
        map_runs: Runs distributed Maps.
    """

    def __init__(
        self, parts: Parts, engine: Engine, workers: Workers, tasks: TaskRunner, map_runs: MapRuns
    ) -> None:
        documents = parts.documents
        self.machines = ResourceTable("stepfunctions-machine", documents)
        self.versions = ResourceTable("stepfunctions-version", documents)
        self.aliases = ResourceTable("stepfunctions-alias", documents)
        self.activities = ResourceTable("stepfunctions-activity", documents)
        self.engine, self.workers, self.tasks = engine, workers, tasks
        self.map_runs = map_runs
        self._tables = (self.machines, self.versions, self.aliases, self.activities)

    async def open(self) -> None:
        """Bring back what was kept, and go on with the executions that were under way."""
        for table in self._tables:
            await table.load()
        await self.engine.open()

    async def reset(self, account: str | None) -> None:
        """See :class:`emulator.services.service.ServiceState`."""
        for table in self._tables:
            table.clear(account)
        await self.engine.reset(account)

    def drain(self) -> None:
        """See :meth:`emulator.services.table.Table.drain`."""
        self.engine.is_draining = True

    async def close(self) -> None:
        """Stop; executions go on at the next start."""
        await self.engine.close()

    async def latest(self, machines: list[str], most: int) -> dict[str, list[dict[str, Any]]]:
        """Return name, ARN and status of the latest executions of each of some machines."""
        found = await self.engine.journal.latest(machines, most)
        return {
            machine: [
                {"executionArn": e.arn, "name": e.arn.rpartition(":")[2], "status": e.status}
                for e in rows
            ]
            for machine, rows in found.items()
        }

    async def timeline(self, arn: str, most: int) -> list[dict[str, Any]]:
        """Return the states of an execution in time (:mod:`.timeline`), of its first events.

        Args:
            arn: The execution's; nothing is found for one that is not there.
            most: Events at most.
        """
        row = await self.engine.journal.find(arn)
        if row is None:
            return []
        events = await self.engine.journal.events(row.id, 1, most)
        live = self.engine.live.get(row.id)
        threads = [] if live is None else live.threads.values()
        under_way = {each.last: each.request_id for each in threads if each.request_id}
        return await self.engine.beside(partial(timeline.steps, events, under_way))

    def version(self, arn: Arn) -> dict[str, Any] | None:
        """Return a version by its ARN."""
        return self.versions.find(arn.account, arn.region, f"{arn.name}:{arn.rest}")

    def alias(self, arn: Arn) -> dict[str, Any] | None:
        """Return an alias by its ARN."""
        return self.aliases.find(arn.account, arn.region, f"{arn.name}:{arn.rest}")

    def versions_of(self, machine: Arn) -> list[dict[str, Any]]:
        """Return a machine's versions, the newest first."""
        found = _below(self.versions, machine).values()
        return sorted(found, key=lambda each: -each["number"])

    def aliases_of(self, machine: Arn) -> list[tuple[str, dict[str, Any]]]:
        """Return a machine's aliases with their names, the newest first."""
        found = _below(self.aliases, machine).items()
        return sorted(found, key=lambda each: -each[1]["created"])


def _below(table: ResourceTable, machine: Arn) -> dict[str, dict[str, Any]]:
    prefix = f"{machine.name}:"
    found = {}
    for key in table.keys(machine.account, machine.region):
        body = table.find(machine.account, machine.region, key)
        if key.startswith(prefix) and body is not None:
            found[key.removeprefix(prefix)] = body
    return found


async def open(parts: Parts) -> StepFunctions:
    """Open the service's state."""
    engine = Engine(parts, await Journal.open(parts.store))
    workers = Workers()
    engine.logs = ExecutionLogs(engine)
    map_runs = MapRuns(engine)
    tasks = TaskRunner(engine, workers, map_runs)
    engine.tasks = tasks
    engine.on_start.append(partial(announce, parts, has_ended=False))
    engine.on_end.append(partial(announce, parts, has_ended=True))
    engine.on_end.append(partial(tracing.tell, parts))
    engine.on_start.append(partial(measure, parts, has_ended=False))
    engine.on_end.append(partial(measure, parts, has_ended=True))
    state = StepFunctions(parts, engine, workers, tasks, map_runs)
    await state.open()
    return state


def of(context: Context) -> StepFunctions:
    """Return the state of a request."""
    state: StepFunctions = context.state
    return state
