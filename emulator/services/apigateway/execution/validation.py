"""Request validators: are the parameters there, does the body fit its model?

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-request-validation.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from emulator.services.apigateway.execution.call import GatewayFailure, MethodCall
from emulator.services.apigateway.models import flattened

_JSON = "application/json"
#: In which order missing parameters are named (recorded).
_PLACES = {"header": 0, "multivalueheader": 0, "path": 1}


def validate(call: MethodCall) -> None:
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
        _check_body(call)


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


def _check_body(call: MethodCall) -> None:
    models: Mapping[str, str] = call.method.get("requestModels") or {}
    kind = (call.header("content-type") or _JSON).partition(";")[0].strip().lower()
    name = models.get(kind) or models.get("$default")
    model = (call.snapshot.get("models") or {}).get(name) if name else None
    if model is None or "json" not in model["contentType"]:
        return
    try:
        body = json.loads(call.body) if call.body else {}
    except (ValueError, RecursionError):
        raise _invalid("[Invalid JSON]") from None
    validator = _validator(flattened(call.snapshot, model))
    try:
        errors = [_sentence(each) for each in validator.iter_errors(body)]
    except RecursionError:
        errors = ["nested too deeply"]
    if errors:
        raise _invalid(f"[{', '.join(errors)}]")


def _sentence(error: Any) -> str:
    """Return a violation as the validator of AWS words the usual ones."""
    if error.validator == "required":
        missing = [each for each in error.validator_value if each not in error.instance]
        return f"object has missing required properties ({json.dumps(missing)})"
    return str(error.message)


def _invalid(details: str) -> GatewayFailure:
    return GatewayFailure(
        "BAD_REQUEST_BODY", "Invalid request body", "BadRequestException", details=details
    )


@lru_cache(maxsize=256)
def _validator(schema: str) -> Any:
    # With the first body that is checked.
    from jsonschema import Draft4Validator
    from referencing import Registry
    from referencing.exceptions import NoSuchResource

    def nothing(uri: str) -> Any:
        # A schema of somebody's is never fetched.
        raise NoSuchResource(uri)

    registry: Any = Registry(retrieve=nothing)  # type: ignore[call-arg]
    return Draft4Validator(json.loads(schema), registry=registry)
