"""The models that the codec is held against: those of the services users deploy."""

from __future__ import annotations

from pathlib import Path

import botocore

MODELS = (
    "apigateway apigatewayv2 cloudformation cloudwatch dynamodb dynamodbstreams events iam kinesis "
    "kms lambda logs pipes s3 scheduler secretsmanager sns sqs ssm stepfunctions sts xray"
).split()


def every_model() -> list[str]:
    """Return the names of all models that botocore has."""
    folder = Path(botocore.__file__).parent / "data"
    return sorted({path.parents[1].name for path in folder.glob("*/*/service-2.json*")})
