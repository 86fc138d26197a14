"""What Step Functions' operations are done to.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsstepfunctions.html
"""

from __future__ import annotations

from emulator.services.authorization import Rules, named

RULES = Rules(
    prefix="states",
    resources=named(
        "states",
        {
            "stateMachineArn": "{}",
            "executionArn": "{}",
            "activityArn": "{}",
            "mapRunArn": "{}",
            "resourceArn": "{}",
            "name": "stateMachine:{}",
        },
    ),
)
