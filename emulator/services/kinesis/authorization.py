"""What Kinesis's operations are done to.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonkinesisdatastreams.html
"""

from __future__ import annotations

from emulator.services.authorization import Rules, named

RULES = Rules(
    prefix="kinesis",
    resources=named(
        "kinesis",
        {
            "StreamARN": "{}",
            "StreamName": "stream/{}",
            "ConsumerARN": "{}",
            "ResourceARN": "{}",
        },
    ),
)
