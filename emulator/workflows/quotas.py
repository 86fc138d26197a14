"""What Step Functions allows.

https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""

PAYLOAD_BYTES = 262_144
"""The input or result of a state, a task or an execution."""

DEFINITION_BYTES = 1_048_576
STATE_NAME_CHARACTERS = 80

VARIABLE_BYTES = 262_144
"""One variable, and all that one Assign sets."""

HISTORY_EVENTS = 25_000

MOST_SECONDS = 99_999_999
"""Timeouts, heartbeats, waits and waits between attempts."""

INLINE_CONCURRENCY = 40
"""Iterations of an inline Map at a time."""

MAP_ITEMS = 100_000_000
LABEL_CHARACTERS = 40
