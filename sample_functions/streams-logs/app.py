"""Log lines arrive while the function still runs: watch them with `localfaas logs -f`."""

import logging
import time

logger = logging.getLogger()
logger.setLevel(logging.INFO)


def handler(event, context):
    lines = event.get("lines", 5)
    for number in range(1, lines + 1):
        print(f"line {number} of {lines}")
        time.sleep(event.get("pause", 0.2))
    logger.info("all printed")
    logger.debug("below the level: never seen")
    return {"lines": lines}
