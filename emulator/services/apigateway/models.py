"""Models (JSON Schemas of bodies) and request validators.

https://docs.aws.amazon.com/apigateway/latest/api/API_Model.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.model.nesting import read_json
from emulator.services.apigateway.documents import Document, drop, new_id, put
from emulator.services.apigateway.errors import (
    bad_request,
    conflict,
    found,
    invalid,
    not_found,
    unknown,
)
from emulator.services.apigateway.paging import page
from emulator.services.apigateway.patch import Field, apply, boolean
from emulator.services.apigateway.resources import all_methods, label
from emulator.services.apigateway.state import api_of, keep_api
from emulator.services.context import Context, Request, Response

_EMPTY_SCHEMA = "Model schema must have at least 1 property or array items defined"

FIELDS = (Field("/description"), Field("/schema"))
VALIDATOR_FIELDS = (
    Field("/name"),
    Field("/validateRequestParameters", "replace", boolean),
    Field("/validateRequestBody", "replace", boolean),
)


def new_model(given: Mapping[str, Any]) -> Document:
    """Return a model as it is kept.

    Raises:
        AwsError: It is none.
    """
    name, kind = given.get("name") or "", given.get("contentType") or "application/json"
    if not name:
        raise bad_request("Model name must be non-empty")
    if not re.fullmatch(r"[a-zA-Z0-9]+", name):
        raise bad_request(f"Model name must be alphanumeric: {name}")
    model = {"id": new_id(), "name": name, "contentType": kind}
    if given.get("description"):
        model["description"] = given["description"]
    _check_schema(given.get("schema"), kind)
    model["schema"] = given["schema"]
    return model


def _check_schema(schema: str | None, kind: str) -> None:
    if not schema:
        raise bad_request(_EMPTY_SCHEMA)
    if "json" not in kind:
        return
    try:
        parsed = read_json(schema)
    except ValueError as error:
        text = f"Invalid model schema specified. {error}"
        raise bad_request(f"Invalid model specified: {invalid([text])}") from None
    if not isinstance(parsed, dict) or not parsed:
        raise bad_request(_EMPTY_SCHEMA)


def _model_of(api: Document, name: str) -> Document:
    model: Document | None = (api.get("models") or {}).get(name)
    if model is None:
        raise not_found(f"Invalid model name specified: {name}")
    return model


async def create_model(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_CreateModel.html."""
    api = api_of(ctx, request["restApiId"])
    model = new_model(request)
    if model["name"] in (api.get("models") or {}):
        raise conflict("Model name already exists for this REST API")
    await keep_api(ctx, put(api, ["models", model["name"]], model))
    return model


async def get_model(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GetModel.html."""
    api = _owner(ctx, request)
    model = _model_of(api, request["modelName"])
    if request.get("flatten"):
        return {**model, "schema": flattened(api, model)}
    return model


def _owner(ctx: Context, request: Request) -> Document:
    """Return the API of a model; none is an API without models (recorded)."""
    try:
        return api_of(ctx, request["restApiId"])
    except AwsError:
        raise not_found(f"Invalid model name specified: {request['modelName']}") from None


def flattened(api: Mapping[str, Any], model: Mapping[str, Any]) -> str:
    """Return a model's schema with the models it refers to among its definitions.

    One that is no JSON Schema, which models of other content types may have, is as it is.
    """
    definitions: dict[str, Any] = {}

    def rewrite(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: _reference(v) if k == "$ref" else rewrite(v) for k, v in value.items()}
        return [rewrite(each) for each in value] if isinstance(value, list) else value

    def _reference(value: Any) -> Any:
        match = re.fullmatch(r".*/restapis/[^/]+/models/(\w+)|#/definitions/(\w+)", str(value))
        name = (match[1] or match[2]) if match else ""
        other = (api.get("models") or {}).get(name)
        found = None if other is None else _schema(other)
        if found is None:
            return value
        if name not in definitions:
            definitions[name] = {}
            definitions[name] = rewrite(found)
        return f"#/definitions/{name}"

    given = _schema(model)
    if given is None:
        return str(model.get("schema") or "")
    schema = rewrite(given)
    if definitions:
        schema["definitions"] = {**(schema.get("definitions") or {}), **definitions}
    return json.dumps(schema)


def _schema(model: Mapping[str, Any]) -> dict[str, Any] | None:
    try:
        found = json.loads(model.get("schema") or "")
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


async def get_models(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GetModels.html."""
    api = api_of(ctx, request["restApiId"])
    return page(list((api.get("models") or {}).values()), request)


async def get_model_template(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GetModelTemplate.html."""
    model = _model_of(_owner(ctx, request), request["modelName"])
    schema = _schema(model) if "json" in model["contentType"] else None
    return {"value": _template(schema or {})}


def _template(schema: Mapping[str, Any]) -> str:
    is_list = schema.get("type") == "array"
    of = schema.get("items") if is_list else schema
    names = list((of.get("properties") if isinstance(of, dict) else None) or {})
    members = ",\n".join(f'  "{name}" : "$inputRoot.{name}"' for name in names)
    body = f"{{\n{members}\n}}" if members else "{ }"
    return f"#set($inputRoot = $input.path('$'))\n{f'[{body}]' if is_list else body}"


async def delete_model(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_DeleteModel.html."""
    api = _owner(ctx, request)
    name = _model_of(api, request["modelName"])["name"]
    for path, http_method, method in all_methods(api):
        where = label(path, http_method)
        if name in (method.get("requestModels") or {}).values():
            raise conflict(
                f"Cannot delete model '{name}', is referenced in method request: {where}"
            )
        for response in (method.get("methodResponses") or {}).values():
            if name in (response.get("responseModels") or {}).values():
                raise conflict(
                    f"Cannot delete model '{name}', is referenced in method response: {where}"
                )
    for other in (api.get("models") or {}).values():
        if other["name"] != name and re.search(rf"/models/{name}\b", other["schema"]):
            raise conflict(f"Cannot delete model '{name}', is referenced in model: {other['name']}")
    await keep_api(ctx, drop(api, ["models", name]))
    return {}


async def update_model(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_UpdateModel.html."""
    api = _owner(ctx, request)
    model = apply(
        _model_of(api, request["modelName"]), request.get("patchOperations") or (), FIELDS
    )
    _check_schema(model.get("schema"), model["contentType"])
    await keep_api(ctx, put(api, ["models", model["name"]], model))
    return model


def _validator_of(api: Document, request: Request) -> Document:
    return found(api.get("validators") or {}, request["requestValidatorId"], "validator")


async def create_request_validator(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_CreateRequestValidator.html."""
    api = api_of(ctx, request["restApiId"])
    validator: Document = {
        "id": new_id(),
        "validateRequestBody": bool(request.get("validateRequestBody")),
        "validateRequestParameters": bool(request.get("validateRequestParameters")),
    }
    if request.get("name"):
        validator["name"] = request["name"]
    await keep_api(ctx, put(api, ["validators", validator["id"]], validator))
    return validator


async def get_request_validator(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GetRequestValidator.html."""
    return _validator_of(_owner_of_validator(ctx, request), request)


def _owner_of_validator(ctx: Context, request: Request) -> Document:
    try:
        return api_of(ctx, request["restApiId"])
    except AwsError:
        raise unknown("validator") from None


async def get_request_validators(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GetRequestValidators.html."""
    api = api_of(ctx, request["restApiId"])
    return page(list((api.get("validators") or {}).values()), request)


async def delete_request_validator(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_DeleteRequestValidator.html."""
    api = _owner_of_validator(ctx, request)
    validator = _validator_of(api, request)
    for path, http_method, method in all_methods(api):
        if method.get("requestValidatorId") == validator["id"]:
            raise conflict(
                f"Cannot delete validator '{validator.get('name', validator['id'])}', is "
                f"referenced in method request: {label(path, http_method)}"
            )
    await keep_api(ctx, drop(api, ["validators", validator["id"]]))
    return {}


async def update_request_validator(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_UpdateRequestValidator.html."""
    api = _owner_of_validator(ctx, request)
    validator = apply(
        _validator_of(api, request), request.get("patchOperations") or (), VALIDATOR_FIELDS
    )
    await keep_api(ctx, put(api, ["validators", validator["id"]], validator))
    return validator
