"""A cluster on this machine alone: pods' commands run in namespaces; the API is a dictionary.

For what goes on between a driver and its pods' supervisors. What kubelets and API servers do is
tested on real ones (tests/kubernetes).
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any

import pytest

from emulator.driver.kubernetes.cluster import ClusterFault

#: Makes a pod's view of files, as its mounts would; then there is only the user of the pod.
_POD = """\
mount -t tmpfs pod /var && mkdir /var/task && mount -t tmpfs pod /run && mkdir /run/localfaas
mkdir /run/localfaas/task /run/localfaas/opt && chmod -R 777 /run/localfaas
mount -t tmpfs pod /tmp && chmod 1777 /tmp
for name in task opt; do
  place=/opt; [ $name = opt ] || place=/var/task
  mount --bind /run/localfaas/$name $place && mount -o remount,bind,ro $place
done
mount -t proc proc /proc
user=$1; shift
exec setpriv --reuid=$user --regid=$user --clear-groups --no-new-privs --bounding-set=-all \
  env -i PATH=/usr/bin:/bin LAMBDA_RUNTIME_DIR=/var/runtime "$@"
"""


def need_namespaces() -> None:
    """Skip the test where it can't make namespaces."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("needs root on Linux")


class OneMachine:
    """Has what a driver uses of a cluster; see :class:`emulator.driver.kubernetes.cluster`."""

    namespace = "default"
    server = "https://127.0.0.1:9"
    is_inside = False

    def __init__(self) -> None:
        self.pods: dict[str, dict[str, Any]] = {}
        self.asked: list[tuple[str, str, Any]] = []
        #: By pod, what a request to make it is refused with; "" stands for all.
        self.refusals: dict[str, ClusterFault] = {}
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._version = 0
        self._events: list[tuple[str, dict[str, Any]]] = []
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None: ...

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> Any:
        self.asked.append((method, path, body))
        kind, _, name = path.partition("/")
        if method == "POST" and kind == "pods":
            return await self._create(body)
        if method == "POST":
            return body | {"metadata": body["metadata"] | {"uid": "1"}}
        if method == "GET" and not name:
            return {"items": list(self.pods.values()), "metadata": {"resourceVersion": "0"}}
        if kind == "pods" and name not in self.pods:
            raise ClusterFault(f'pods "{name}" not found', 404, "NotFound")
        if method == "DELETE" and kind == "pods":
            self.kill(name)
            self._tell("DELETED", self.pods.pop(name))
        return {}

    async def _create(self, pod: dict[str, Any]) -> dict[str, Any]:
        name = pod["metadata"]["name"]
        refusal = self.refusals.get(name) or self.refusals.get("")
        if refusal is not None:
            raise refusal
        self.pods[name] = pod
        pod["spec"]["nodeName"] = "here"
        container = pod["spec"]["containers"][0]
        user = str(pod["spec"]["securityContext"]["runAsUser"])
        process = await asyncio.create_subprocess_exec(
            "unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", _POD, "sh", user,
            *container["command"], start_new_session=True,
        )  # fmt: skip
        self._processes[name] = process
        task = asyncio.ensure_future(self._follow(name, process))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._tell("ADDED", pod)
        return pod

    async def _follow(self, name: str, process: asyncio.subprocess.Process) -> None:
        status = await process.wait()
        if name in self.pods:
            state = {"terminated": {"exitCode": status % 256, "reason": "Error"}}
            self.change(name, containerStatuses=[{"name": "function", "state": state}])

    def change(self, name: str, **status: Any) -> None:
        """Change the status of a pod."""
        self.pods[name] = pod = {**self.pods[name], "status": status}
        self._tell("MODIFIED", pod)

    def kill(self, name: str) -> None:
        """End the processes of a pod."""
        with suppress(ProcessLookupError):
            os.killpg(self._processes[name].pid, signal.SIGKILL)

    def _tell(self, kind: str, pod: dict[str, Any]) -> None:
        self._version += 1
        pod["metadata"]["resourceVersion"] = str(self._version)
        self._events.append((kind, pod))
        self._changed.set()

    async def watch(
        self, path: str, labels: str, version: str
    ) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        seen = int(version)
        while True:
            while seen < len(self._events):
                seen += 1
                yield self._events[seen - 1]
            self._changed.clear()
            await self._changed.wait()

    async def close(self) -> None:
        for name in self._processes:
            self.kill(name)
        await asyncio.gather(*self._tasks, return_exceptions=True)
