"""What is known of the instance's pods: a list, then a watch, and again whenever that ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from emulator.driver.kubernetes.cluster import Cluster, ClusterFault
from emulator.model.clock import Clock

#: Seconds between tries while the API does not answer: the first, the most.
_PAUSES = (0.1, 5.0)

Pod = Mapping[str, Any]


class PodWatch:
    """Keeps the newest state of each pod, and tells of changes.

    Args:
        cluster: Where they are.
        labels: Which pods.
        clock: For pauses between tries.
    """

    def __init__(self, cluster: Cluster, labels: str, clock: Clock) -> None:
        self._cluster = cluster
        self._labels = labels
        self._clock = clock
        self._pods: dict[str, Pod] = {}
        self._listeners: dict[str, Callable[[Pod | None], None]] = {}
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """List once, so that a refusal shows; then follow.

        Raises:
            ClusterFault: The API refused, or did not answer.
        """
        version = await self._list()
        self._task = asyncio.ensure_future(self._follow(version))

    def of(self, name: str) -> Pod:
        """Return what is known of a pod; an empty mapping if nothing."""
        return self._pods.get(name, {})

    def listen(self, name: str, listener: Callable[[Pod | None], None]) -> None:
        """Call ``listener`` with each new state of a pod, and with None once it is gone."""
        self._listeners[name] = listener
        if name in self._pods:
            listener(self._pods[name])

    def forget(self, name: str) -> None:
        """Call nobody any more, and forget what was known of the pod."""
        self._listeners.pop(name, None)
        self._pods.pop(name, None)

    async def _list(self) -> str:
        found = await self._cluster.ask("GET", "pods", query={"labelSelector": self._labels})
        pods = {each["metadata"]["name"]: each for each in found["items"]}
        gone = self._pods.keys() - pods.keys()
        for pod in pods.values():
            self._is(pod)
        for name in gone:
            self._is_gone(name)
        return str(found["metadata"]["resourceVersion"])

    async def _follow(self, version: str) -> None:
        pause = _PAUSES[0]
        while True:
            try:
                async for kind, pod in self._cluster.watch("pods", self._labels, version):
                    version = str(pod["metadata"]["resourceVersion"])
                    pause = _PAUSES[0]
                    if kind == "DELETED":
                        self._is_gone(pod["metadata"]["name"])
                    elif kind in ("ADDED", "MODIFIED"):
                        self._is(pod)
            except (ClusterFault, ValueError, KeyError):
                await self._clock.sleep(pause)
                pause = min(_PAUSES[1], pause * 2)
                try:
                    version = await self._list()
                except ClusterFault:
                    continue

    def _is(self, pod: Pod) -> None:
        name = pod["metadata"]["name"]
        if name in self._listeners:
            self._pods[name] = known = _essence(pod)
            self._listeners[name](known)

    def _is_gone(self, name: str) -> None:
        listener = self._listeners.get(name)
        if listener is not None:
            listener(None)

    async def close(self) -> None:
        """Follow no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)


def _essence(pod: Pod) -> Pod:
    """Return what anybody asks of a pod, a small part: there may be thousands."""
    node = (pod.get("spec") or {}).get("nodeName")
    return {"spec": {"nodeName": node} if node else {}, "status": pod.get("status") or {}}
