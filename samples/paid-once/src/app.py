"""Charges orders from a queue: each once, whatever comes twice."""

import os

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
tracer = Tracer()
metrics = Metrics()
processor = BatchProcessor(event_type=EventType.SQS)
persistence = DynamoDBPersistenceLayer(table_name=os.environ["IDEMPOTENCY_TABLE"])
config = IdempotencyConfig(event_key_jmespath="orderId", expires_after_seconds=3600)
payments = boto3.resource("dynamodb").Table(os.environ["PAYMENTS_TABLE"])


@tracer.capture_method
def handle(record: SQSRecord) -> dict:
    return charge(order=record.json_body)


@idempotent_function(data_keyword_argument="order", config=config, persistence_store=persistence)
def charge(order: dict) -> dict:
    if order["amount"] <= 0:
        raise ValueError(f"nothing to charge for {order['orderId']}")
    payments.update_item(
        Key={"customer": order["customer"]},
        UpdateExpression="ADD paid :amount, orders :one",
        ExpressionAttributeValues={":amount": order["amount"], ":one": 1},
    )
    logger.info("charged", extra={"order": order["orderId"], "amount": order["amount"]})
    metrics.add_metric(name="OrdersCharged", unit=MetricUnit.Count, value=1)
    return {"orderId": order["orderId"], "status": "charged"}


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict, context: LambdaContext) -> dict:
    config.register_lambda_context(context)
    return process_partial_response(
        event=event, record_handler=handle, processor=processor, context=context
    )
