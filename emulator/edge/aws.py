"""The AWS door: which service, operation, account and region a request means; then the answer."""

from __future__ import annotations

import logging
import random
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from emulator.control.context import Context, Services
from emulator.control.lambda_ import operations as lambda_operations
from emulator.edge import codec
from emulator.edge.gateway import Headers, Receive, Scope, Send, answer, read_body
from emulator.model.errors import AwsError, DriverFault
from emulator.model.limits import CODE_REQUEST

_log = logging.getLogger(__name__)

Handler = Callable[[Context, Mapping[str, Any]], Awaitable[dict[str, Any]]]

#: The paths of the Lambda API begin with the date of their version.
_REST_PATH = re.compile(r"/20\d\d-\d\d-\d\d/")
_CREDENTIAL = re.compile(
    rb"Credential=(?P<key>[^/,\s]{1,128})/\d{8}/(?P<region>[a-z0-9-]{1,32})/(?P<service>[a-z0-9-]{1,64})/"
)
_ACCOUNT = re.compile(r"\d{12}")
#: Callers remembered by their credential scope.
_REMEMBERED = 1024


class Service:
    """One AWS service on this endpoint: its codec and its operations."""

    def __init__(
        self,
        service: codec.ServiceCodec,
        operations: Mapping[str, Handler],
        unsupported: Mapping[str, str],
    ) -> None:
        self.codec = service
        self.operations = operations
        #: Operations of the model that are not there, with what to say.
        self.unsupported = unsupported


class AwsDoor:
    """Answers AWS requests in AWS's own protocols.

    Args:
        account: The account of callers whose access key is no account id.
        region: The region of callers that name none.
    """

    def __init__(self, services: Services, *, account: str, region: str) -> None:
        self._services = services
        self._account = account
        self._region = region
        self._lambda = Service(
            codec.service("lambda"), lambda_operations.OPERATIONS, lambda_operations.UNSUPPORTED
        )
        self._callers: dict[bytes, tuple[str, str, str]] = {}

    async def __call__(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        request_id = new_request_id()
        caller = self._caller(headers.get(b"authorization", b""))
        body = await read_body(receive, CODE_REQUEST)
        texts = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()}
        query: str = scope["query_string"].decode("latin-1")
        service = self._lambda
        try:
            service, operation, params = self._target(scope, texts, query, body or b"", caller[2])
            if body is None:
                raise AwsError(
                    "RequestEntityTooLargeException",
                    f"Request must be smaller than {CODE_REQUEST} bytes for the "
                    f"{_operation_in_text(operation)} operation",
                    status=413,
                )
            request = service.codec.parse(
                operation, params=params, query=query, headers=texts, body=body
            )
            service.codec.validate(operation, request)
            handler = service.operations.get(operation.name)
            if handler is None:
                raise AwsError(
                    "NotImplementedException", service.unsupported[operation.name], status=501
                )
            context = Context(
                account=caller[0],
                region=caller[1],
                request_id=request_id,
                endpoint=f"{scope['scheme']}://{texts.get('host', 'localhost')}",
                services=self._services,
                trace_id=texts.get("x-amzn-trace-id") or new_trace_id(self._services.clock.now()),
            )
            result = await handler(context, request)
            status, answers, payload = service.codec.serialise(operation, result, request_id)
            if operation.name == "Invoke":
                answers.append((b"x-amzn-trace-id", context.trace_id.encode("latin-1")))
        except AwsError as error:
            status, answers, payload = service.codec.error(error, request_id)
        except DriverFault as fault:
            lost = AwsError("ServiceException", str(fault), status=500)
            status, answers, payload = service.codec.error(lost, request_id)
        except Exception:  # noqa: BLE001 a bug of ours: told to us in full, to the caller in AWS's shape
            _log.exception("request %s failed", request_id)
            bug = AwsError("ServiceException", "localfaas failed; its log says why.", status=500)
            status, answers, payload = service.codec.error(bug, request_id)
        await answer(send, status, answers, payload)

    def _target(
        self, scope: Scope, headers: dict[str, str], query: str, body: bytes, signed_for: str
    ) -> tuple[Service, codec.Operation, dict[str, str]]:
        """Return which operation of which service a request means.

        Raises:
            AwsError: None that is served here; the text names it.
        """
        path: str = scope["raw_path"].decode("latin-1")
        if _REST_PATH.match(path):
            operation, params = self._lambda.codec.match(scope["method"], path, query)
            return self._lambda, operation, params
        target = codec.identify(headers, query, body)
        if target is None:
            name = headers.get("x-amz-target", "").partition(".")[0] or signed_for
            raise AwsError(
                "UnknownOperationException",
                f"localfaas does not serve {name}: it serves Lambda."
                if name
                else f"No operation answers {scope['method']} {path}.",
                status=501 if name else 404,
            )
        raise AwsError(
            "NotImplementedException", f"localfaas does not serve {target.service}.", status=501
        )

    def _caller(self, authorization: bytes) -> tuple[str, str, str]:
        """Return account, region and service of the caller's signature (which is not checked)."""
        known = self._callers.get(authorization[:200])
        if known is None:
            match = _CREDENTIAL.search(authorization)
            if match is None:
                known = (self._account, self._region, "")
            else:
                key = match["key"].decode("latin-1")
                account = key if _ACCOUNT.fullmatch(key) else self._account
                known = (account, match["region"].decode(), match["service"].decode())
            if len(self._callers) < _REMEMBERED:
                self._callers[authorization[:200]] = known
        return known


def _operation_in_text(operation: codec.Operation) -> str:
    """Return the name AWS's texts have for an operation."""
    return "InvokeFunction" if operation.name == "Invoke" else operation.name


def new_request_id() -> str:
    """Return a random UUID (version 4).

    Names a request and guards nothing, so it needs no system call for its randomness.
    """
    digits = f"{random.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def new_trace_id(now: float) -> str:
    """Return a trace header of a trace that is not sampled.

    Args:
        now: Seconds since the epoch.
    """
    token = f"{random.getrandbits(160):040x}"
    return (
        f"Root=1-{int(now):08x}-{token[:24]};Parent={token[24:]};Sampled=0;Lineage=1:{token[:8]}:0"
    )
