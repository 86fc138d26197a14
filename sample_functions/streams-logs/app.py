"""Lines reach the log while the function still runs: watch them with `localfaas logs -f`."""

import logging
import time

logger = logging.getLogger()
logger.setLevel(logging.INFO)


def handler(event, context):
    for number in range(1, event["lines"] + 1):
        print(f"line {number} of {event['lines']}")
        time.sleep(event["pause"])
    logger.info("all printed")
    logger.debug("below the level: never seen")
    return {"lines": event["lines"]}
