"""A function that takes too long is killed; the next call finds the old /tmp, but new globals."""

import pathlib
import time

calls = 0
marker = pathlib.Path("/tmp/was-here")


def handler(event, context):
    global calls
    calls += 1
    found = marker.exists()
    marker.touch()
    time.sleep(event.get("seconds", 30))
    return {"calls": calls, "foundInTmp": found}
