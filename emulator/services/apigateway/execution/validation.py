"""Request validators: are the parameters there, does the body fit its model?

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-request-validation.html
"""

from __future__ import annotations

from collections.abc import Mapping

from emulator.services.apigateway.bounded import (
    BoundedWorker,
    TakesTooLong,
    quick_body,
)
from emulator.services.apigateway.execution.call import GatewayFailure, MethodCall, internal
from emulator.services.apigateway.execution.schemas import violations
from emulator.services.apigateway.models import flattened

_JSON = "application/json"
#: In which order missing parameters are named (recorded).
_PLACES = {"header": 0, "multivalueheader": 0, "path": 1}


async def validate(call: MethodCall) -> None:
    """Check a request as its method's validator says.

    Raises:
        GatewayFailure: Something is missing, or does not fit.
    """
    name = call.method.get("requestValidatorId")
    validator = (call.snapshot.get("validators") or {}).get(name) if name else None
    if validator is None:
        return
    if validator.get("validateRequestParameters"):
        _check_parameters(call)
    if validator.get("validateRequestBody"):
        await _check_body(call)


def _check_parameters(call: MethodCall) -> None:
    missing = []
    for parameter, is_required in (call.method.get("requestParameters") or {}).items():
        _, _, place, name = parameter.split(".", 3)
        if not is_required:
            continue
        if place in ("header", "multivalueheader"):
            found = call.header(name)
        elif place == "path":
            found = call.path_parameters.get(name)
        else:
            found = call.query_value(name)
        if not found:
            missing.append((_PLACES.get(place, 2), name))
    if missing:
        names = ", ".join(name for _, name in sorted(missing, key=lambda each: each[0]))
        text = f"Missing required request parameters: [{names}]"
        raise GatewayFailure("BAD_REQUEST_PARAMETERS", text, "BadRequestException")


async def _check_body(call: MethodCall) -> None:
    models: Mapping[str, str] = call.method.get("requestModels") or {}
    kind = (call.header("content-type") or _JSON).partition(";")[0].strip().lower()
    name = models.get(kind) or models.get("$default")
    model = (call.snapshot.get("models") or {}).get(name) if name else None
    if model is None or "json" not in model["contentType"]:
        return
    schema = flattened(call.snapshot, model)
    if len(call.body) <= quick_body(schema):
        errors = violations(schema, call.body)
    else:
        worker: BoundedWorker = (await call.parts.table.state("apigateway")).bounded
        text = call.body.decode("utf-8", "surrogateescape")
        try:
            answer = await worker.ask({"do": "validate", "schema": schema, "body": text})
        except TakesTooLong as error:
            raise internal() from error
        errors = answer.get("errors") or [str(answer.get("failure"))] * ("failure" in answer)
    if errors:
        raise _invalid(f"[{', '.join(errors)}]")


def _invalid(details: str) -> GatewayFailure:
    return GatewayFailure(
        "BAD_REQUEST_BODY", "Invalid request body", "BadRequestException", details=details
    )
