"""A pipe at work: it takes the place of a mapping's function, and does its steps for each batch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from emulator.invoke.targets import Delivery, DeliveryError
from emulator.model.errors import AwsError, DriverFault, StorageError
from emulator.model.ids import new_request_id
from emulator.model.invocation import InvocationResult
from emulator.registry.function import Function
from emulator.services.pipes.targets import (
    Handing,
    call_function,
    hand_over,
    http_of,
    run_workflow,
    text_of,
)
from emulator.services.pipes.templates import TemplateError, applied
from emulator.sources.mapped_function import Attempt, MappedFunction

if TYPE_CHECKING:
    from emulator.services.context import Parts

_THROTTLED = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "ServiceException",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


class PipeConsumer(MappedFunction):
    """Stands where a mapping has its function.

    Args:
        parts: The emulator's.
        pipe: The pipe's document.

    Attributes:
        outcomes: How many batches have succeeded and failed in this process's life.
    """

    def __init__(self, parts: Parts, pipe: Mapping[str, Any]) -> None:
        self._parts, self._pipe = parts, pipe
        self.arn = pipe["arn"]
        self.changed = asyncio.Event()
        self.outcomes = {"succeeded": 0, "failed": 0}
        self._warned = ""

    def notice(self, function: Function) -> None:
        """A pipe is no function: none that changes is its own."""

    @property
    def reserved(self) -> int | None:
        """Pipes have no reserved concurrency."""
        return None

    @property
    def role(self) -> str:
        """The pipe's role."""
        return str(self._pipe["fields"]["RoleArn"])

    def is_ready(self) -> bool:
        """A pipe that is polled for runs."""
        return True

    async def ready(self) -> None:
        """Wait until all that was declared is there: targets, enrichments."""
        await self._parts.started.wait()

    def measure_age(self, age_s: float) -> None:
        """A pipe has no such metric."""

    def comes_again(
        self, id: str, give_back: Callable[[], object], *, ordered: bool = False
    ) -> bool:
        """Say whether a record that was handled well is to come again, as it may of a pipe, too."""
        redelivery = self._parts.functions.redelivery
        return redelivery.comes_again(self.arn, id, give_back, ordered=ordered)

    async def attempt(
        self, payload: bytes, trace_id: str = "", links: Sequence[str] = ()
    ) -> Attempt:
        """Do the pipe's steps for one batch.

        Raises:
            AwsError: The target, or the enrichment, is throttled, or this machine is in trouble.
        """
        try:
            answer = await self._steps(orjson.loads(payload)["Records"], trace_id)
        except (StorageError, DriverFault) as error:
            # The machine's trouble passes: the source tries the batch again.
            raise AwsError("ServiceException", str(error)) from error
        except (AwsError, DeliveryError, TemplateError) as error:
            if isinstance(error, AwsError) and error.code in _THROTTLED:
                raise
            self._failed(str(error))
            body = {"errorMessage": str(error), "errorType": type(error).__name__}
            result = InvocationResult(payload=orjson.dumps(body), function_error="Unhandled")
        else:
            self.outcomes["succeeded"] += 1
            self._warned = ""
            # Only what a target says of single records counts.
            partial = isinstance(answer, dict) and "batchItemFailures" in answer
            result = InvocationResult(payload=orjson.dumps(answer) if partial else b"")
        return Attempt(new_request_id(), "", result)

    def _failed(self, why: str) -> None:
        self.outcomes["failed"] += 1
        if why != self._warned:
            self._warned = why
            self._parts.console.warn(f"pipe {self._pipe['name']}: a batch failed: {why}")

    async def _steps(self, records: list[dict[str, Any]], trace_id: str) -> Any:
        fields = self._pipe["fields"]
        events: list[Any] = [self._flat(each) for each in records]
        known = self._known()
        if fields.get("Enrichment"):
            template = (fields.get("EnrichmentParameters") or {}).get("InputTemplate")
            inputs = [applied(template, each, known) for each in events]
            answer = await self._enrich(fields["Enrichment"], events, inputs, trace_id)
            # Nothing: the target is not called, and the batch is done.
            if answer in (None, "", [], {}):
                return None
            events = answer if isinstance(answer, list) else [answer]
        template = (fields.get("TargetParameters") or {}).get("InputTemplate")
        handing = Handing(
            parts=self._parts,
            pipe=self._pipe,
            events=events,
            inputs=[applied(template, each, known) for each in events],
            trace_id=trace_id,
        )
        return await hand_over(handing)

    async def _enrich(self, arn: str, events: list[Any], inputs: list[Any], trace_id: str) -> Any:
        if arn.split(":")[2] == "events":
            return [
                await self._ask(arn, event, each)
                for event, each in zip(events, inputs, strict=True)
            ]
        payload = orjson.dumps(inputs)
        if arn.split(":")[2] == "lambda":
            return await call_function(self._parts, arn, payload, trace_id)
        return await run_workflow(self._parts, arn, payload.decode())

    async def _ask(self, arn: str, event: Any, given: Any) -> Any:
        """Return what an API destination answers to one event."""
        parameters = self._pipe["fields"].get("EnrichmentParameters") or {}
        delivery = Delivery(
            payload=text_of(given).encode(),
            source_arn=self.arn,
            http=http_of(parameters, event),
        )
        answer = await self._parts.targets.ask(arn, delivery)
        try:
            return orjson.loads(answer)
        except orjson.JSONDecodeError:
            return answer.decode("utf-8", "replace")

    def _flat(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return a record as pipes have it: one of Kinesis without a level that mappings have."""
        inner = record.get("kinesis")
        if not isinstance(inner, dict):
            return record
        rest = {name: value for name, value in record.items() if name != "kinesis"}
        return {**inner, **rest, "invokeIdentityArn": self.role}

    def _known(self) -> dict[str, Any]:
        fields = self._pipe["fields"]
        now = datetime.fromtimestamp(self._parts.clock.now(), UTC)
        return {
            "aws.pipes.pipe-arn": self.arn,
            "aws.pipes.pipe-name": self._pipe["name"],
            "aws.pipes.source-arn": fields["Source"],
            "aws.pipes.enrichment-arn": fields.get("Enrichment") or "",
            "aws.pipes.target-arn": fields["Target"],
            "aws.pipes.event.ingestion-time": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
