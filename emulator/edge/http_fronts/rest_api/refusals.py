"""Gateway responses: what an API answers where its methods don't.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gatewayResponse-definition.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from emulator.services.apigateway.execution.call import Answer, GatewayFailure, Pairs
from emulator.services.apigateway.execution.expressions import context_value
from emulator.services.apigateway.gateway_responses import STATUS, TEMPLATE, response_of

_NAME = (
    r"(context|stageVariables|method\.request\.(?:header|querystring|path))"
    r"\.([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)"
)
_VARIABLE = re.compile(rf"\$\{{{_NAME}\}}|\${_NAME}")
_METHOD = re.compile(r"method\.request\.(?P<place>header|querystring|path)\.(?P<name>.+)")


class Refusal:
    """A request that is refused, as far as gateway responses can tell of it."""

    def __init__(
        self,
        headers: Pairs,
        query: Pairs,
        path: Mapping[str, str],
        context: Mapping[str, Any],
        variables: Mapping[str, str],
    ) -> None:
        self._sources = {"header": headers, "querystring": query, "path": list(path.items())}
        self._context = context
        self._variables = variables

    def answer(self, snapshot: Mapping[str, Any], failure: GatewayFailure) -> Answer:
        """Return what the API answers a failure with."""
        response = response_of(snapshot, failure.kind)
        message = json.dumps(failure.message)
        context = {
            **self._context,
            "error": {
                "message": failure.message,
                "messageString": message,
                "responseType": failure.kind,
                "validationErrorString": failure.details,
            },
        }
        kind, template = self._template(response.get("responseTemplates") or {})
        if template == TEMPLATE and STATUS[failure.kind].startswith("5"):
            # Recorded: there is a space in those that methods cause.
            template = TEMPLATE.replace(":", ": ", 1)
        body = self._fill(template, context)
        if failure.error == "AccessDeniedException" and template == TEMPLATE:
            # AWS's own text for it has a capital.
            body = json.dumps({"Message": failure.message}, separators=(",", ":"))
        headers = self._headers(response.get("responseParameters") or {}, context)
        if all(name.lower() != "content-type" for name, _ in headers):
            headers.append(("Content-Type", kind))
        headers.append(("x-amzn-ErrorType", failure.error))
        status = failure.status if response["defaultResponse"] else None
        status = int(status or response.get("statusCode") or failure.status or 500)
        return Answer(status=status, headers=headers, body=body.encode("utf-8", "surrogatepass"))

    def _template(self, templates: Mapping[str, str]) -> tuple[str, str]:
        accept = next((v for k, v in self._sources["header"] if k.lower() == "accept"), "")
        for wanted in accept.split(","):
            kind = wanted.partition(";")[0].strip()
            if kind in templates:
                return kind, templates[kind]
        if "application/json" in templates or not templates:
            return "application/json", templates.get("application/json", TEMPLATE)
        kind = next(iter(templates))
        return kind, templates[kind]

    def _fill(self, template: str, context: Mapping[str, Any]) -> str:
        def text(match: re.Match[str]) -> str:
            root, name = match[1] or match[3], match[2] or match[4]
            if root == "context":
                return context_value(context, name) or ""
            if root == "stageVariables":
                return self._variables.get(name, "")
            return self._parameter(root.rpartition(".")[2], name) or ""

        return _VARIABLE.sub(text, template)

    def _parameter(self, place: str, name: str) -> str | None:
        fold = place == "header"
        for key, value in reversed(self._sources[place]):
            if (key.lower() if fold else key) == (name.lower() if fold else name):
                return value
        return None

    def _headers(self, parameters: Mapping[str, str], context: Mapping[str, Any]) -> Pairs:
        found: Pairs = []
        for target, source in parameters.items():
            if not target.startswith("gatewayresponse.header."):
                continue
            value: str | None = None
            if source.startswith("'") and source.endswith("'"):
                value = source[1:-1]
            elif match := _METHOD.fullmatch(source):
                value = self._parameter(match["place"], match["name"])
            elif source.startswith("context."):
                value = context_value(context, source.removeprefix("context."))
            elif source.startswith("stageVariables."):
                value = self._variables.get(source.removeprefix("stageVariables."))
            if value is not None:
                found.append((target.removeprefix("gatewayresponse.header."), value))
        return found
