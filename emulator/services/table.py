"""The AWS services of this emulator: found by what requests, ARNs and callers say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from emulator.invoke.targets import Taker
from emulator.model.ids import new_request_id
from emulator.services.context import Context
from emulator.services.identify import Identifier
from emulator.services.neighbours import Neighbours
from emulator.services.service import Service
from emulator.services.spec import OptionalModule

if TYPE_CHECKING:
    from emulator.services.context import Parts
    from emulator.sources.base import SourceKind
    from emulator.stack.kinds import Kind
    from emulator.wire import ServiceCodec

#: The folders of the services, in order. Adding a service is its folder and its line here.
SERVICES = (
    "apigateway",
    "apigatewaymanagementapi",
    "apigatewayv2",
    "cloudcontrol",
    "cloudformation",
    "cloudwatch",
    "dynamodb",
    "dynamodbstreams",
    "ecr",
    "events",
    "iam",
    "kinesis",
    "kms",
    "lambda_",
    "logs",
    "pipes",
    "s3",
    "scheduler",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
    "stepfunctions",
    "sts",
    "xray",
)

_NO_ENGINES: Mapping[str, str] = {}


class Table:
    """The services of one emulator.

    Args:
        account, region: Of callers that name none.
        endpoint: Where clients on this machine reach the emulator.
        extra: Packages of further services, by their full names.
        engines: Endpoints that serve services in our place, by the services' names.
    """

    def __init__(
        self,
        *,
        account: str = "000000000000",
        region: str = "us-east-1",
        endpoint: str = "http://localhost",
        extra: Iterable[str] = (),
        engines: Mapping[str, str] = _NO_ENGINES,
    ) -> None:
        self.account = account
        self.region = region
        self.endpoint = endpoint
        #: Where functions reach it; known once the driver is open.
        self.sandbox_endpoint = endpoint
        #: What the services may use; there from :meth:`open` on.
        self.parts: Parts
        packages = (*(f"emulator.services.{name}" for name in SERVICES), *extra)
        self.services = tuple(Service(package) for package in packages)
        #: What serves the services that are not ours.
        self.neighbours = Neighbours(engines, self.services)
        self._by_model = {service.spec.model: service for service in self.services}
        #: How ARNs of services that are open take events.
        self._takers: dict[str, Taker] = {}
        self._by_arn = {each.spec.arn_name: each for each in self.services if each.spec.arn_name}
        templated = [each for each in self.services if "kinds" in each.spec.modules]
        self._by_template = {each.spec.template_prefix: each for each in templated}
        for service in self.services:
            if service.spec.loads_at_start:
                _ = service.codec(), service.operations

    @cached_property
    def identify(self) -> Identifier:
        """Finds which service and operation a request means."""
        return Identifier(self.services)

    def find(self, model: str) -> Service:
        """Return a service by the name of its model.

        Raises:
            LookupError: It is not served.
        """
        found = self._by_model.get(model)
        if found is None:
            raise LookupError(f"localfaas does not serve {model}")
        return found

    def running(self) -> dict[str, bool]:
        return {model: service.is_loaded for model, service in self._by_model.items()}

    async def describe(self) -> list[dict[str, Any]]:
        """Return what serves each service, and what of it lasts."""
        kept = self.parts.documents.lasting
        found = await self.neighbours.describe()
        return found if kept else [{**each, "lasts": "until the end"} for each in found]

    async def state(self, model: str) -> Any:
        """Return the state of a service, opened if it is not open yet; None if it has none.

        Raises:
            LookupError: The service is not served.
        """
        return await self.find(model).open(self.parts)

    def having(self, module: OptionalModule, arn_name: str) -> Service | None:
        """Return the service of this name in ARNs if it has an optional module; else None."""
        service = self._by_arn.get(arn_name)
        return service if service is not None and module in service.spec.modules else None

    def kind(self, resource_type: str) -> Kind | None:
        """Return how resources of a type of templates ("AWS::SQS::Queue") are made, if at all."""
        service = self._by_template.get(resource_type.rpartition("::")[0])
        if service is None:
            return None
        kinds: Mapping[str, Kind] = service.module("kinds").KINDS
        return kinds.get(resource_type)

    def delivers(self, arn_name: str) -> bool:
        """Say whether events can be delivered to ARNs of a service."""
        return self.having("delivers", arn_name) is not None

    async def find_taker(self, arn_name: str) -> Taker:
        """Return how ARNs of a service take events, by the service's name in ARNs.

        Raises:
            LookupError: They take none.
        """
        found = self._takers.get(arn_name)
        if found is not None:
            return found
        service = self.having("delivers", arn_name)
        if service is None:
            raise LookupError(f"nothing here delivers to {arn_name}")
        module = service.module("delivers")
        state = await service.open(self.parts)
        if hasattr(module, "place"):
            found = Taker(place=partial(module.place, self.parts, state))
        else:
            ask = partial(module.ask, self.parts, state) if hasattr(module, "ask") else None
            found = Taker(deliver=partial(module.deliver, self.parts, state), ask=ask)
        self._takers[arn_name] = found
        return found

    async def locate(
        self, headers: Mapping[str, str], path: str, signed_for: str
    ) -> tuple[str, str]:
        """Return the path of a request whose host may stand for a part of it, and its service.

        Args:
            headers: By names in lower case.
            path: Still percent-encoded.
            signed_for: The service of the request's signature; "" if it has none.

        Returns:
            The service as signatures name it; "" where neither signature nor host says it, and no
            service keeps what the path names.
        """
        host = headers.get("host", "").lower()
        prefix, service = self.identify.from_host(host, signed_for)
        if not service and "x-amz-target" not in headers:
            prefix, service = await self._keeper(host, path)
        return f"/{prefix}{path}" if prefix else path, service

    async def _keeper(self, host: str, path: str) -> tuple[str, str]:
        for service, name, prefix in self.identify.may_be_kept(host, path):
            # What was never opened keeps nothing yet.
            if service.is_open or self.parts.documents.lasting:
                state = await service.open(self.parts)
                if state.keeps(name):
                    return prefix, service.spec.signing_names[0]
        return "", ""

    def polls(self, arn_name: str) -> bool:
        """Say whether resources of a service can be event sources."""
        return self.having("source", arn_name) is not None

    def find_source(self, arn_name: str) -> SourceKind:
        """Return the resources of a service as event sources, by the service's name in ARNs.

        Raises:
            LookupError: They are none.
        """
        service = self.having("source", arn_name)
        if service is None:
            raise LookupError(f"nothing here polls {arn_name}")
        found: SourceKind = service.module("source").open(self.parts)
        return found

    @property
    def measurements_keeper(self) -> str:
        """The service that keeps what the emulator measures of itself, by its model's name."""
        return next(each.spec.model for each in self.services if each.spec.keeps_measurements)

    async def open(self, parts: Parts) -> None:
        """Begin: whatever is kept and has work to do is opened now, all else with its first call.

        Args:
            parts: What the services may use.
        """
        self.parts = parts
        self.neighbours.open(parts)
        for service in self.services:
            if service.spec.opens_at_start or await _keeps_work(parts, service):
                await service.open(parts)

    async def reset(self, account: str | None = None) -> None:
        """Remove all that was made through the services: of all accounts (None), or of one.

        Raises:
            StorageError: The disk did not take a part of it.
        """
        for service in self.services:
            await service.reset(self.parts, account)
        await self.neighbours.reset(account)
        self.parts.own_metrics.forget(account)
        await self.parts.documents.clear(account)

    def drain(self) -> None:
        """Let no answer go on that would wait for what comes: the end is near."""
        for service in self.services:
            drain = getattr(service.state, "drain", None)
            if drain is not None:
                drain()

    async def close(self) -> None:
        """Close the states that are open, the last of the table first."""
        self._takers.clear()
        await self.neighbours.close()
        for service in reversed(self.services):
            await service.close()

    def codec(self, service: str) -> ServiceCodec:
        """Return the codec of a service in its first protocol, by the name of its model.

        Raises:
            LookupError: The service is not served.
        """
        return self.find(service).codec()

    async def flow(self, account: str | None = None) -> dict[str, Any]:
        """Return what is wired to what, and what waits on the way.

        Args:
            account: Only what an account has; None for all.
        """
        from emulator.services import wiring  # few look

        return await wiring.flow(self.parts, self, account)

    def fit(self, service: str, operation: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return a request with those of ``values`` that an operation knows, in its types.

        Args:
            service: The name of its model.
            operation: The operation's wire name.
            values: As templates have them; names match in any case.

        Raises:
            LookupError: The service is not served.
        """
        from emulator.wire import fit as fitting  # with the first template

        codec = self.find(service).codec()
        return fitting.fit(codec.model, codec.operation(operation), values)

    async def call(
        self,
        service: str,
        operation: str,
        request: Mapping[str, Any],
        *,
        account: str | None = None,
        region: str | None = None,
        user_agent: str = "",
    ) -> dict[str, Any]:
        """Do an operation as a client would have it done: read, checked, done. Without HTTP.

        Args:
            service: The name of its model: "lambda".
            operation: The operation's wire name: "CreateFunction".
            request: By the names of the model's members, wherever HTTP has them; what JSON has no
                type for as text (base64, ISO 8601) or as it is (bytes).
            account: The caller's; None for the emulator's own.
            region: The caller's; None for the emulator's own.
            user_agent: The caller's: a waiter's shortens what has only to be waited for.

        Returns:
            What the operation returns: members in the model's names and Python's types.

        Raises:
            AwsError: What a client would be told.
            LookupError: The service is not served.
            DriverFault, StorageError: The machine, an engine or a disk failed.
        """
        from emulator.wire import direct  # most emulators are called over HTTP alone

        found = self.find(service)
        codec = found.codec()
        model = codec.operation(operation)
        if attached := self.neighbours.attached.get(found.spec.signing_names[0]):
            from emulator.services import attached_calls  # few emulators have an endpoint attached

            place = (account or self.account, region or self.region)
            return await attached_calls.call(attached.url, service, operation, request, *place)
        parsed = direct.read(codec.model, model, request)
        codec.validate(model, parsed)
        handler = found.operations.get(operation)
        if handler is None:
            raise found.unsupported(operation)
        context = Context(
            account=account or self.account,
            region=region or self.region,
            request_id=new_request_id(),
            endpoint=self.endpoint,
            parts=self.parts,
            operation=operation,
            user_agent=user_agent,
            state=found.state if found.is_open else await found.open(self.parts),
        )
        return await handler(context, parsed)


async def _keeps_work(parts: Parts, service: Service) -> bool:
    """Say whether a service has kept something that has work to do."""
    for kind in service.spec.opens_for:
        if await parts.documents.has(kind):
            return True
    return False
