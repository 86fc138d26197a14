"""An order processor fed by a queue: one bad order must not hold up, or repeat, the others."""

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.idempotency import IdempotencyConfig, idempotent_function
from store import SqliteStore

# Where every order of a batch fails, report the messages; do not fail the call.
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
# The key comes from the argument that `data_keyword_argument` names: the order, not the record
# around it. An order without a key is an error: it might be charged twice.
config = IdempotencyConfig(event_key_jmespath="order_id", raise_on_no_idempotency_key=True)
store = SqliteStore()


@idempotent_function(data_keyword_argument="order", config=config, persistence_store=store)
def charge(order):
    if order["amount"] <= 0:
        raise ValueError(f"order {order['order_id']}: nothing to charge")
    print(f"charged {order['order_id']}: {order['amount']}")
    return {"charged": order["amount"]}


def handle(record):
    # By keyword: `idempotent_function` does not find an order that is passed by position.
    try:
        charge(order=record.json_body)
    except Exception as error:
        print(f"failed: {error}")  # Powertools does not log it
        raise


def handler(event, context):
    # Powertools learns how much time is left, so a call that times out does not block its orders.
    config.register_lambda_context(context)
    return process_partial_response(
        event=event, record_handler=handle, processor=processor, context=context
    )
