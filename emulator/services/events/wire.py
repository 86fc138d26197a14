"""Where EventBridge answers otherwise than its model says."""

from __future__ import annotations

from emulator.wire.deviations import Deviations, TagRules

DEVIATIONS = Deviations(
    tags=TagRules(too_many=("ValidationException", "A resource has 50 tags at most.")),
    # Recorded: the order in which the service lists the methods.
    printed_enum={
        "ApiDestinationHttpMethod": "HEAD, POST, PATCH, DELETE, PUT, GET, OPTIONS",
    },
    # PutEvents prints its entries otherwise than the model has them.
    checked_by_operation=frozenset({("PutEventsRequest", "Entries")}),
)
