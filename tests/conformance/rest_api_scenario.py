"""One scenario of API Gateway: its calls, compared with what AWS was recorded to answer."""

from __future__ import annotations

import http.client
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from tests.conformance.recorded import Comparison
from tests.conformance.replay import ACCOUNT, new_name, zip_of

LAMBDA = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{}/invocations"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/role"


class ApiScenario:
    """One scenario under way; steps are compared as they are noted."""

    def __init__(self, comparison: Comparison, clients: Any, url: str) -> None:
        self._comparison, self.clients, self.url = comparison, clients, url
        self.client = clients("apigateway")

    def call(self, step: str | None, operation: str, **request: Any) -> Any:
        try:
            answer = getattr(self.client, operation)(**request)
        except ClientError as error:
            if step is None:
                raise
            answer = error.response
        if step is not None:
            self._comparison.match(step, answer)
        return answer

    def note(self, step: str, answer: Any) -> None:
        self._comparison.match(step, answer)

    def recorded(self, step: str) -> Any:
        return self._comparison.recorded(step)

    def know(self, placeholder: str, value: str) -> None:
        self._comparison.know(placeholder, value)

    def api(self, step: str | None = None, **more: Any) -> tuple[str, str]:
        """Create an API; returns its id and its root's."""
        made = self.call(step, "create_rest_api", **{"name": new_name("api"), **more})
        return made["id"], made["rootResourceId"]

    def function(self, code: str) -> str:
        """Create a function; returns its ARN."""
        client = self.clients("lambda")
        name = new_name("fn")
        client.create_function(
            FunctionName=name, Runtime="python3.12", Handler="index.handler", Role=ROLE,
            Code={"ZipFile": zip_of(index__py=code)},
        )  # fmt: skip
        client.get_waiter("function_active_v2").wait(FunctionName=name)
        return f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}"

    def method(
        self, api_id: str, resource: str, method: str = "GET", **more: Any
    ) -> dict[str, str]:
        """Make a method with a response of status 200; returns what names it."""
        at = {"restApiId": api_id, "resourceId": resource, "httpMethod": method}
        self.call(None, "put_method", **{"authorizationType": "NONE", **at, **more})
        self.call(None, "put_method_response", **at, statusCode="200")
        return at

    def http(
        self, api_id: str, path: str, method: str = "GET", body: Any = None, **headers: str
    ) -> tuple[int, dict[str, str], str]:
        port = urlsplit(self.url).port
        connection = http.client.HTTPConnection("localhost", port, timeout=60)
        host = f"{api_id}.execute-api.us-east-1.localhost"
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body, {"Host": host, **sent})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read().decode()
        finally:
            connection.close()


def patch(op: str, path: str, value: str | None = None, **more: str) -> dict[str, str]:
    given = {"op": op, "path": path, **more}
    return given if value is None else {**given, "value": value}


HTTP = "http://petstore-demo-endpoint.execute-api.com/petstore/pets"


def _pets(path: str, **more: Any) -> dict[str, Any]:
    return {"get": {
        "responses": {"200": {"description": "200 response"}},
        "x-amazon-apigateway-integration": {
            "responses": {"default": {"statusCode": "200"}}, "uri": f"{HTTP}{path}",
            "passthroughBehavior": "when_no_match", "httpMethod": "GET", "type": "http", **more,
        },
    }}  # fmt: skip


PETS = {
    "swagger": "2.0",
    "info": {"version": "1.0.0", "title": "Simple PetStore (Swagger)"},
    "schemes": ["https"],
    "x-amazon-apigateway-binary-media-types": ["image/png", "image/jpg"],
    "paths": {
        "/pets": _pets(""),
        "/pets/{petId}": {
            "get": {
                **_pets("/{id}", requestParameters={
                    "integration.request.path.id": "method.request.path.petId"})["get"],
                "parameters": [
                    {"name": "petId", "in": "path", "required": True, "type": "string"}],
            }
        },
    },
}  # fmt: skip


def import_checks(s: ApiScenario, api_id: str) -> None:
    """Compare every method of an imported API, as the recordings name them."""
    for resource in s.client.get_resources(restApiId=api_id)["items"]:
        for method in resource.get("resourceMethods") or {}:
            at = {"restApiId": api_id, "resourceId": resource["id"], "httpMethod": method}
            name = f"{resource['path'].strip('/')}-{method.lower()}"
            s.call(f"method-{name}", "get_method", **at)
            s.call(f"method-response-{name}", "get_method_response", **at, statusCode="200")
            s.call(f"integration-{name}", "get_integration", **at)
            s.call(f"integration-response-{name}", "get_integration_response", **at,
                   statusCode="200")  # fmt: skip
