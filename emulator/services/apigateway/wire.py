"""Where API Gateway answers otherwise than its model says, and how that is known."""

from __future__ import annotations

from emulator.wire.deviations import Deviations

DEVIATIONS = Deviations(
    # Recorded 2025-08: members of the body are named by the operation.
    names_input=True,
    constraint_code="ValidationException",
    # In the order API Gateway prints them (recorded 2025-08).
    printed_enum={
        "EndpointType": "PRIVATE, EDGE, REGIONAL",
        "Op": "add, remove, move, test, replace, copy",
    },
    status={"ValidationException": 400},
)
