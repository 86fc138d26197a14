"""What APIs measure: requests, how they end, and how long they take.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html
"""

from __future__ import annotations

from emulator.telemetry.metrics.own import OwnMetrics

#: Names of errors of clients and of servers: of REST APIs, and of HTTP APIs.
REST, HTTP = ("4XXError", "5XXError"), ("4xx", "5xx")


def measure(
    own: OwnMetrics,
    account: str,
    region: str,
    api: tuple[str, str],
    stage: str,
    errors: tuple[str, str],
    status: int,
    latency_ms: float,
) -> None:
    """Take note of a request that was answered.

    Args:
        own: Where it goes.
        account: Whose API it is.
        region: Where.
        api: The API's dimension: ApiName or ApiId, and its value.
        stage: The stage's name.
        errors: What errors are called: :data:`REST` or :data:`HTTP`.
        status: Of the answer.
        latency_ms: From the request to the answer.
    """
    record, where = own.record, (account, region, "AWS/ApiGateway")
    for dimensions in ((api,), (api, ("Stage", stage))):
        record(*where, "Count", dimensions, 1.0)
        record(*where, errors[0], dimensions, float(400 <= status < 500))
        record(*where, errors[1], dimensions, float(status >= 500))
        record(*where, "Latency", dimensions, latency_ms, unit="Milliseconds")
