"""The models that the codec is held against: those of the services users deploy."""

from __future__ import annotations

MODELS = (
    "apigateway apigatewayv2 cloudformation cloudwatch dynamodb dynamodbstreams events iam kinesis "
    "kms lambda logs pipes s3 scheduler secretsmanager sns sqs ssm stepfunctions sts xray"
).split()
