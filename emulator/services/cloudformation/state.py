"""What CloudFormation keeps, and what runs on it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson

from emulator.code.pip import cache_folder
from emulator.model.errors import AwsError
from emulator.services.cloudformation.engine import Engine
from emulator.services.cloudformation.kind_table import KindTable
from emulator.services.cloudformation.kinds import CustomResource
from emulator.services.cloudformation.planning import LookUp, Planner
from emulator.services.cloudformation.stack import OPERATIONS, Stack
from emulator.services.cloudformation.store import StackStore
from emulator.services.context import WAITER
from emulator.stack.dynamic import DynamicReference
from emulator.stack.kinds import Call
from emulator.stack.transform import SamTransform

if TYPE_CHECKING:
    from emulator.services.context import Context, Parts, Services

#: The operation that goes on, by the status an interrupted one has left.
_GO_ON = {under_way: name for name, (under_way, _) in OPERATIONS.items()} | {
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": "update",
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": "update-rollback",
}


class CloudFormation:
    """The service's state.

    Attributes:
        store: All stacks.
        engine: Runs operations on them.
        change_sets: By id; see :mod:`emulator.services.cloudformation.change_sets`.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.store = StackStore(parts.documents, parts.clock)
        kinds = KindTable(parts.table.kind, CustomResource(parts), strict=parts.strict)
        self.planner = Planner(
            SamTransform(cache_folder().parent / "sam"), self._look_up_for("", ""), kinds.serves
        )
        self.engine = Engine(
            self.store,
            self.planner,
            kinds,
            self._call_for,
            lambda stack: self._look_up_for(stack.account, stack.region),
        )
        self.change_sets: dict[str, Any] = {}
        self._running: dict[str, asyncio.Task[None]] = {}

    async def open(self) -> None:
        """Bring back all stacks; what was interrupted goes on."""
        await self.store.load()
        for stack in self.store.everything():
            operation = _GO_ON.get(stack.status)
            if operation is not None:
                self.start(stack, operation)

    async def close(self) -> None:
        """End what is under way; it goes on at the next start."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def start(self, stack: Stack, operation: str) -> asyncio.Task[None]:
        """Do an operation in the background; returns its task."""
        task = asyncio.get_running_loop().create_task(self.engine.run(stack, operation))
        self._running[stack.stack_id] = task
        task.add_done_callback(lambda done: self._ended(stack, done))
        return task

    async def stop(self, stack: Stack) -> None:
        """End what is under way at a stack, wherever it is."""
        task = self._running.get(stack.stack_id)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _ended(self, stack: Stack, task: asyncio.Task[None]) -> None:
        if self._running.get(stack.stack_id) is task:
            del self._running[stack.stack_id]

    def _call_for(self, account: str, region: str) -> Call:
        return _TableCall(self._parts.table, account, region)

    def _look_up_for(self, account: str, region: str) -> LookUp:
        async def look_up(reference: DynamicReference) -> str:
            call = partial(self._parts.table.call, account=account or None, region=region or None)
            if reference.service != "secretsmanager":
                name = f"{reference.name}:{reference.version}".rstrip(":")
                request: dict[str, Any] = {"Name": name, "WithDecryption": True}
                answer = await call("ssm", "GetParameter", request)
                return str(answer["Parameter"]["Value"])
            request = {"SecretId": reference.name}
            if reference.version:
                request["VersionId"] = reference.version
            else:
                request["VersionStage"] = reference.stage
            answer = await call("secretsmanager", "GetSecretValue", request)
            text = str(answer["SecretString"])
            return _member(text, reference.key) if reference.key else text

        async def refusing(reference: DynamicReference) -> str:
            try:
                return await look_up(reference)
            except LookupError as error:
                raise AwsError("ValidationError", str(error)) from error

        return refusing


class _TableCall:
    """Calls operations for one account and region."""

    def __init__(self, table: Services, account: str, region: str) -> None:
        self._table, self.account, self.region = table, account, region

    async def __call__(
        self, service: str, operation: str, request: Mapping[str, Any]
    ) -> dict[str, Any]:
        return await self._table.call(
            service,
            operation,
            request,
            account=self.account,
            region=self.region,
            user_agent=WAITER,
        )

    def fit(self, service: str, operation: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """See :meth:`emulator.stack.kinds.Call.fit`."""
        return self._table.fit(service, operation, values)


def _member(text: str, key: str) -> str:
    """Return a member of a secret's JSON text.

    Raises:
        AwsError: There is none.
    """
    try:
        value = orjson.loads(text)[key]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise AwsError(
            "ValidationError",
            f"Could not find a value associated with JSONKey in SecretString: {key}",
        ) from None
    return value if isinstance(value, str) else orjson.dumps(value).decode()


async def open(parts: Parts) -> CloudFormation:
    """Open the service's state."""
    state = CloudFormation(parts)
    await state.open()
    return state


def of(context: Context) -> CloudFormation:
    """Return the state of a request."""
    state: CloudFormation = context.state
    return state
