"""What is changed of a pod once it runs: its labels and its share of CPU. Nobody waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from emulator.driver import cgroups
from emulator.driver.kubernetes import names
from emulator.driver.kubernetes.cluster import ClusterFault
from emulator.driver.kubernetes.pod import CONTAINER
from emulator.driver.kubernetes.sandbox import PodOfOurs
from emulator.driver.kubernetes.tools import Tools
from emulator.model.errors import DriverFault
from emulator.model.sandbox import EnvironmentSpec

#: Seconds before a change is asked for: the call that made the pod an environment is over by then.
#: Else the API, the kubelet and this process would be busy with the change while it is answered.
_LATER_S = 0.5


class Amendments:
    """Changes pods a little later, off the critical path.

    Args:
        tools: What the pods are made with.
    """

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._may_resize = True
        self._tasks: set[asyncio.Task[None]] = set()

    def label(self, pod: PodOfOurs, spec: EnvironmentSpec) -> None:
        """Say on the pod what it runs: for people, and for network policies."""
        self._soon(self._label(pod, spec))

    async def _label(self, pod: PodOfOurs, spec: EnvironmentSpec) -> None:
        with suppress(DriverFault):
            await self._patch(
                pod, "", {"metadata": {"labels": function_labels(spec)}}, "merge-patch"
            )

    def limit_cpu(self, pod: PodOfOurs, spec: EnvironmentSpec) -> None:
        """Give a pod the share of CPU it is to have, as far as this user may."""
        quota = cgroups.cpu_quota(spec)
        if quota is not None and self._may_resize:
            self._soon(self._limit_cpu(pod, quota / cgroups.CPU_PERIOD))

    async def _limit_cpu(self, pod: PodOfOurs, cpus: float) -> None:
        limits = {"cpu": f"{max(1, round(cpus * 1000))}m"}
        change = {"spec": {"containers": [{"name": CONTAINER, "resources": {"limits": limits}}]}}
        try:
            await self._patch(pod, "/resize", change, "strategic-merge-patch")
        except ClusterFault as fault:
            if fault.status in (403, 404, 405) and not pod.removed:
                self._may_resize = False  # the user may not, or the cluster is too old
                self._tools.console.warn(
                    f"pods are not limited to their share of CPU ({fault}): this needs the right"
                    " to patch pods/resize, and Kubernetes 1.33"
                )

    async def _patch(self, pod: PodOfOurs, part: str, change: Any, kind: str) -> None:
        await self._tools.clock.sleep(_LATER_S)
        if not pod.removed:
            await self._tools.cluster.ask(
                "PATCH",
                f"pods/{pod.name}{part}",
                change,
                content_type=f"application/{kind}+json",
            )

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Change nothing any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def function_labels(spec: EnvironmentSpec) -> dict[str, str]:
    """Return the labels of a pod that runs a function."""
    return {
        names.FUNCTION: names.label_value(spec.function_name),
        names.VERSION: names.label_value(spec.function_version),
    }
