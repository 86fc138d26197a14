"""What events have in ``requestContext``, and templates in ``$context``."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from emulator.edge.http_fronts.exchange import HttpRequest, new_gateway_id

#: Names that clients do not write with capitals.
_LOWER = ("sec-ch-ua", "x-amzn-remapped", "baggage", "traceparent", "tracestate")


def spelled(name: str) -> str:
    """Return a header's name as clients usually write it; HTTP's own names have no case here."""
    if name.startswith(_LOWER):
        return name
    return "-".join(part[:1].upper() + part[1:] for part in name.split("-"))


def request_context(
    request: HttpRequest,
    *,
    account: str,
    resource: Mapping[str, Any],
    method: Mapping[str, Any],
    stage: str,
    deployment_id: str,
    raw_path: str,
) -> dict[str, Any]:
    """Return the context of a request; who calls is added once it is known.

    Args:
        request: The request.
        account: The API's.
        resource: Whose path it has.
        method: That it calls.
        stage: The stage's name.
        deployment_id: Of what is deployed there.
        raw_path: The path with the stage, or behind a custom domain name.
    """
    moment = time.gmtime(request.now)
    context: dict[str, Any] = {
        "accountId": account,
        "apiId": request.api_id,
        "deploymentId": deployment_id,
        "domainName": request.domain_name,
        "domainPrefix": request.domain_name.partition(".")[0],
        "extendedRequestId": new_gateway_id(),
        "httpMethod": request.method,
        "identity": {
            "accessKey": None,
            "accountId": None,
            "caller": None,
            "cognitoAuthenticationProvider": None,
            "cognitoAuthenticationType": None,
            "cognitoIdentityId": None,
            "cognitoIdentityPoolId": None,
            "principalOrgId": None,
            "sourceIp": request.source_ip,
            "user": None,
            "userAgent": request.header("user-agent") or None,
            "userArn": None,
        },
        "path": raw_path,
        "protocol": f"HTTP/{request.http_version}",
        "requestId": request.request_id,
        "requestTime": time.strftime("%d/%b/%Y:%H:%M:%S +0000", moment),
        "requestTimeEpoch": int(request.now * 1000),
        "resourceId": resource["id"],
        "resourcePath": resource["path"],
        "stage": stage,
    }
    if method.get("operationName"):
        context["operationName"] = method["operationName"]
    return context
