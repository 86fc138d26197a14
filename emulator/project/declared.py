"""Makes the queues, event source mappings and function URLs that the user's template declares.

They are made through the API's own operations: a declaration is checked as a client's request
would be, and what it makes is kept, shown and changed like any other resource.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from emulator.model.errors import AwsError, ConfigurationError
from emulator.registry.functions import Registry

if TYPE_CHECKING:
    from emulator.project.contents import Contents
    from emulator.stack.declarations import MappingDeclaration, QueueDeclaration

#: The tag by which CloudFormation knows what it made.
LOGICAL_ID = "aws:cloudformation:logical-id"


class Call(Protocol):
    """Does one operation; see :meth:`emulator.services.table.Table.call`."""

    def __call__(
        self, service: str, operation: str, request: Mapping[str, Any]
    ) -> Awaitable[dict[str, Any]]: ...


class DeclaredResources:
    """Keeps queues, mappings and function URLs in step with their declarations.

    A queue whose declaration goes stays, with its messages; a mapping and a URL go.

    Args:
        call: Does an operation of an AWS API.
        registry: Has the mappings.
        account: Where the resources are made.
        region: Likewise.
    """

    def __init__(self, call: Call, registry: Registry, *, account: str, region: str) -> None:
        self._call = call
        self._collection = registry.mappings
        self._at = (account, region)
        self._applying = asyncio.Lock()
        #: The declarations applied last: what the API has changed since stays until they change.
        self._applied: dict[str, MappingDeclaration] = {}
        self._urls: dict[str, Mapping[str, Any]] = {}

    async def apply(self, contents: Contents) -> None:
        """Make what ``contents`` declares, and remove what it no longer declares.

        Raises:
            ConfigurationError: AWS would refuse a part; the other parts are made all the same.
        """
        problems = []
        async with self._applying:
            # All queues first: other resources refer to them.
            steps = [partial(self._create, queue) for queue in contents.queues]
            steps += [partial(self._set, queue) for queue in contents.queues]
            steps += [partial(self._map, mapping) for mapping in contents.mappings]
            steps.append(partial(self._unmap, {mapping.logical for mapping in contents.mappings}))
            steps += [
                partial(self._url, name, declared.declaration.url)
                for name, declared in contents.functions.items()
            ]
            for step in steps:
                try:
                    await step()
                except ConfigurationError as error:
                    problems.append(str(error))
        if problems:
            # Where a queue can't be made, all that refers to it fails as well: one error is enough.
            raise ConfigurationError(problems[0])

    async def _do(
        self, where: str, service: str, operation: str, request: Mapping[str, Any]
    ) -> dict[str, Any]:
        try:
            return await self._call(service, operation, request)
        except AwsError as error:
            raise ConfigurationError(f"{where}: {error.message}") from error

    async def _create(self, queue: QueueDeclaration) -> None:
        try:
            await self._call("sqs", "GetQueueUrl", {"QueueName": queue.name})
        except AwsError:
            fifo = {k: v for k, v in queue.attributes.items() if k == "FifoQueue"}
            request = {"QueueName": queue.name, "Attributes": fifo, "tags": dict(queue.tags)}
            await self._do(queue.logical, "sqs", "CreateQueue", request)

    async def _set(self, queue: QueueDeclaration) -> None:
        attributes = {k: v for k, v in queue.attributes.items() if k != "FifoQueue"}
        if attributes:
            named = {"QueueName": queue.name}
            url = (await self._do(queue.logical, "sqs", "GetQueueUrl", named))["QueueUrl"]
            request = {"QueueUrl": url, "Attributes": attributes}
            await self._do(queue.logical, "sqs", "SetQueueAttributes", request)

    async def _url(self, name: str, url: Mapping[str, Any] | None) -> None:
        where = f"{name}.FunctionUrlConfig"
        before = self._urls.get(name)
        try:
            await self._call("lambda", "GetFunctionUrlConfig", {"FunctionName": name})
            verb = "Update" if url is not None else "Delete"
        except AwsError:
            verb = "Create" if url is not None else ""
        # What came through the API stays, and so does what it changed since.
        if verb and (verb == "Create" or before != url) and (verb != "Delete" or before):
            operation = f"{verb}FunctionUrlConfig"
            await self._do(where, "lambda", operation, {**(url or {}), "FunctionName": name})
        if url is None:
            self._urls.pop(name, None)
        else:
            self._urls[name] = url

    def _existing(self) -> dict[str, dict[str, Any]]:
        """Return the mappings that templates made, by what those call them."""
        found = (self._collection.find(*self._at, key) for key in self._collection.keys(*self._at))
        return {each["Tags"][LOGICAL_ID]: each for each in found if each and _is_declared(each)}

    async def _map(self, mapping: MappingDeclaration) -> None:
        name = mapping.logical
        before = self._existing().get(name)
        if before is not None and self._applied.get(name) == mapping:
            return
        request = dict(mapping.request)
        if before is not None and before["EventSourceArn"] == request["EventSourceArn"]:
            changes = {k: v for k, v in request.items() if k not in ("EventSourceArn", "Tags")}
            changes["UUID"] = before["UUID"]
            await self._do(name, "lambda", "UpdateEventSourceMapping", changes)
        else:
            if before is not None:
                await self._delete(before)
            request["Tags"] = {**request.get("Tags", {}), LOGICAL_ID: name}
            await self._do(name, "lambda", "CreateEventSourceMapping", request)
        self._applied[name] = mapping

    async def _unmap(self, declared: set[str]) -> None:
        for name, mapping in self._existing().items():
            if name not in declared:
                await self._delete(mapping)
                self._applied.pop(name, None)

    async def _delete(self, mapping: dict[str, Any]) -> None:
        name, uuid = mapping["Tags"][LOGICAL_ID], mapping["UUID"]
        await self._do(name, "lambda", "DeleteEventSourceMapping", {"UUID": uuid})


def _is_declared(mapping: dict[str, Any]) -> bool:
    return LOGICAL_ID in mapping["Tags"] and mapping["State"] != "Deleting"
