"""What CloudFormation keeps, and what runs on it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson

from emulator.code import build_cache
from emulator.model import system_tags
from emulator.model.errors import AwsError
from emulator.services.cloudformation.answers import Answers
from emulator.services.cloudformation.change_set import ChangeSetStore
from emulator.services.cloudformation.engine import Engine
from emulator.services.cloudformation.kind_table import KindTable
from emulator.services.cloudformation.macros import Macros
from emulator.services.cloudformation.own_kinds import own_kinds
from emulator.services.cloudformation.planning import LookUp, Planner
from emulator.services.cloudformation.stack import OPERATIONS, Goal, Stack
from emulator.services.cloudformation.store import StackStore
from emulator.services.cloudformation.toolbox import ServiceRefusal, Toolbox
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
        planner: Makes plans of templates.
        tools: What operations on stacks use.
        engine: Runs operations on stacks.
        answers: Takes what custom resources and signals say.
        change_sets: All change sets.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.store = StackStore(parts.documents, parts.clock)
        self.answers = Answers(self.store)
        macros = Macros(self.store, self._call_for, self._fetch)
        own = own_kinds(parts, self.store, self.answers, macros, self._restore)
        kinds = KindTable(parts.table.kind, own, strict=parts.strict)

        def look_up(stack: Stack) -> LookUp:
            return self._look_up_for(stack.account, stack.region)

        self.planner = Planner(
            SamTransform(build_cache.folder().parent / "sam", self._announce),
            look_up,
            kinds.serves,
            macros,
            parts.console.warn,
        )
        self.tools = Toolbox(
            store=self.store,
            planner=self.planner,
            kinds=kinds,
            clock=parts.clock,
            call=self._call_for,
            look_up=look_up,
            finders={"lambda-url": self._function_url, "execute-api": self._api},
        )
        self.engine = Engine(self.tools)
        self.change_sets = ChangeSetStore(parts.documents, self.store)

    async def open(self) -> None:
        """Bring back all stacks; what was interrupted goes on."""
        await self.store.load()
        await self.change_sets.load()
        for stack in self.store.everything():
            operation = _GO_ON.get(stack.status)
            if operation is not None:
                self.engine.start(stack, operation)

    async def reset(self, account: str | None) -> None:
        """See :class:`emulator.services.service.State`."""
        gone = [each for each in self.store.everything() if account in (None, each.account)]
        await self.engine.give_up(gone)
        self.change_sets.forget(gone)
        self.store.clear(gone)

    async def close(self) -> None:
        """End what is under way; it goes on at the next start."""
        await self.engine.close()

    async def put(self, path: str, body: bytes) -> int:
        """Take what was put to an address of a stack; return the HTTP status of the answer."""
        return await self.answers.put(path, body)

    def _announce(self) -> None:
        self._parts.console.info(
            "translating the SAM template with AWS's translator: it takes seconds to load, and the"
            " result is kept for the next time"
        )

    async def _restore(self, stack: Stack, goal: Goal) -> None:
        """Make a nested stack again what it was."""
        while stack.is_moving:
            await self.store.settled(stack, 60.0)
        stack.goal, stack.previous = replace(goal), None
        await self.store.record(stack, "UPDATE_IN_PROGRESS", "Rollback of the parent stack",
                                goals=True)  # fmt: skip
        self.engine.start(stack, "update")

    def _function_url(self, scheme: str, url_id: str, region: str) -> str | None:
        for function in self._parts.registry.all():
            for config in function.attached.urls.values():
                if config.url_id == url_id and function.latest.region == region:
                    port = self._parts.table.endpoint.rpartition(":")[2]
                    return f"http://{url_id}.lambda-url.{region}.localhost:{port}"
        return None

    def _api(self, scheme: str, api_id: str, region: str) -> str | None:
        if api_id not in self._parts.hosts.apis:
            return None
        port = self._parts.table.endpoint.rpartition(":")[2]
        return f"{scheme.removesuffix('s')}://{api_id}.execute-api.{region}.localhost:{port}"

    async def _fetch(self, account: str, region: str, address: str) -> str:
        from emulator.services.cloudformation.buckets import read_from_bucket

        return await read_from_bucket(self._parts.table, account, region, address)

    def _call_for(self, account: str, region: str) -> Call:
        return _TableCall(self._parts.table, account, region)

    def _look_up_for(self, account: str, region: str) -> LookUp:
        async def look_up(reference: DynamicReference) -> str:
            call = partial(self._parts.table.call, account=account, region=region)
            if reference.service != "secretsmanager":
                if _IMAGE.match(reference.name):
                    # There are no instances to run it: as what is not served, it is plausible.
                    digest = hashlib.sha256(reference.name.encode()).hexdigest()
                    return f"ami-{digest[:17]}"
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


#: AWS's own parameters that name images of instances.
_IMAGE = re.compile(r"/aws/service/(?:ami-|[\w/-]+/(?:ami|image)[_-]id)")


class _TableCall:
    """Calls operations for one account and region."""

    def __init__(self, table: Services, account: str, region: str) -> None:
        self._table, self.account, self.region = table, account, region

    async def __call__(
        self, service: str, operation: str, request: Mapping[str, Any]
    ) -> dict[str, Any]:
        with system_tags.given_by("cloudformation"):
            try:
                return await self._table.call(
                    service,
                    operation,
                    request,
                    account=self.account,
                    region=self.region,
                    user_agent=WAITER,
                )
            except AwsError as error:
                raise ServiceRefusal(self._table.codec(service), operation, error) from error

    def fit(self, service: str, operation: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """See :meth:`emulator.stack.kinds.Call.fit`."""
        return self._table.fit(service, operation, values)

    def at(self, region: str) -> Call:
        """See :meth:`emulator.stack.kinds.Call.at`."""
        return _TableCall(self._table, self.account, region)


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
