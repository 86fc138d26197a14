"""Models: JSON Schemas of messages."""

from __future__ import annotations

import json

from emulator.model.nesting import read_json
from emulator.services.apigatewayv2 import parts
from emulator.services.apigatewayv2.errors import bad_request, conflict
from emulator.services.apigatewayv2.parts import Part, find_api
from emulator.services.apigatewayv2.state import Api, Body
from emulator.services.context import Context, Request, Response


def _check(api: Api, before: Body | None, model: Body) -> None:
    if api.is_http:
        raise bad_request("Models are not supported for HTTP APIs")
    model.setdefault("ContentType", "application/json")
    if not str(model["Name"]).isalnum():
        raise bad_request(f"Model name must be alphanumeric: {model['Name']}")
    for other in api.held["models"].values():
        if other["Name"] == model["Name"] and other["ModelId"] != model["ModelId"]:
            raise conflict(f"Model with name {model['Name']} already exists for this API")
    try:
        read_json(model["Schema"])
    except ValueError:
        raise bad_request("Invalid model schema specified: it is no JSON") from None


MODEL = Part(kind="models", title="Model", id_member="ModelId", id_length=6, check=_check)


async def get_model_template(ctx: Context, request: Request) -> Response:
    """Serve GetModelTemplate.

    Source: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-models-modelid-template.html
    """
    model = MODEL.find(find_api(ctx, request), request)
    schema = json.loads(model["Schema"])
    properties = schema.get("properties", {}) if isinstance(schema, dict) else {}
    template = {name: f"$inputRoot.{name}" for name in properties}
    return {"Value": f"#set($inputRoot = $input.path('$'))\n{json.dumps(template, indent=2)}"}


OPERATIONS = {**parts.operations(MODEL), "GetModelTemplate": get_model_template}
