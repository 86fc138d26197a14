"""Where API Gateway v2 answers otherwise than its model says."""

from __future__ import annotations

from emulator.services.apigateway.wire import TAGS
from emulator.wire.deviations import Deviations

DEVIATIONS = Deviations(constraint_code="BadRequestException", tags=TAGS)
