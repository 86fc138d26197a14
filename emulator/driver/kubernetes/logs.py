"""What an image function's container prints, from the API into a pipe."""

from __future__ import annotations

import asyncio
import math
import os

from emulator.driver.kubernetes.cluster import Cluster, ClusterFault
from emulator.driver.kubernetes.pod import CONTAINER
from emulator.driver.kubernetes.sandbox import PodSandbox

_NO_SUCH_POD = 404
#: Seconds between tries: before the container runs, and after a break.
_PAUSE_S = 0.1
#: Seconds in which the watch says that a container has ended, and between looks at a full pipe.
_SETTLED_S, _FULL_S = 3.0, 0.01


async def follow(cluster: Cluster, sandbox: PodSandbox) -> None:
    """Pass on the output of a pod's container until it ends, or nobody reads any more."""
    since_s: int | None = None
    loop = asyncio.get_running_loop()
    while not sandbox.pod.removed:
        seen_at = loop.time()
        try:
            async for data in cluster.log(sandbox.pod.name, CONTAINER, since_s):
                seen_at = loop.time()
                sandbox.has_printed = True
                if not await _write(sandbox, data):
                    return
            # It has ended, or the API has: the watch says which.
            await asyncio.wait({sandbox.exited}, timeout=_SETTLED_S)
            if sandbox.exited.done():
                return
        except ClusterFault as fault:
            if fault.status == _NO_SUCH_POD:
                return
        await asyncio.sleep(_PAUSE_S)
        if sandbox.has_printed:
            # A second may be told twice; none is lost.
            since_s = max(1, math.ceil(loop.time() - seen_at))


async def _write(sandbox: PodSandbox, data: bytes) -> bool:
    """Write to the pipe, as fast as it is read; say whether anybody reads."""
    while data:
        if sandbox.pipe < 0:
            return False
        try:
            data = data[os.write(sandbox.pipe, data) :]
        except BlockingIOError:
            await asyncio.sleep(_FULL_S)
        except OSError:
            return False
    return True
