"""An environment runs the code at module level once: only its first caller waits for it."""

import time

time.sleep(0.4)  # stands for heavy imports, a model to load, a connection to open
initialised = time.time()
calls = 0


def handler(event, context):
    global calls
    calls += 1
    return {"calls": calls, "initialised": initialised}
