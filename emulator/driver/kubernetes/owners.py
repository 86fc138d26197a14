"""Whose pods they are: they go with their owner, and what is left goes at the next start."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from emulator.driver.kubernetes import names
from emulator.driver.kubernetes.cluster import Cluster, ClusterFault

#: Removals at once.
_CONCURRENCY = 8


class Owner:
    """The object that owns an instance's pods: the emulator's own pod, else a ConfigMap.

    Args:
        cluster: Where it is.
        name: Of the ConfigMap.
        labels: Of the ConfigMap.
    """

    def __init__(self, cluster: Cluster, name: str, labels: Mapping[str, str]) -> None:
        self._cluster = cluster
        self._name = name
        self._labels = dict(labels)
        self._made = False

    async def references(self) -> tuple[Mapping[str, Any], ...]:
        """Return the references that pods carry; none where this user may make no owner.

        Raises:
            ClusterFault: The API does not answer.
        """
        if self._cluster.is_inside:
            name = os.environ.get("POD_NAME") or socket.gethostname()
            with suppress(ClusterFault):
                pod = await self._cluster.ask("GET", f"pods/{name}")
                return (_reference("Pod", pod),)
        config_map = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": self._name, "labels": self._labels},
        }
        try:
            made = await self._cluster.ask("POST", "configmaps", config_map)
        except ClusterFault as fault:
            if fault.status == 403:
                return ()
            raise
        self._made = True
        return (_reference("ConfigMap", made),)

    async def close(self) -> None:
        """Remove the ConfigMap, and with it what is left of the pods."""
        if self._made:
            with suppress(ClusterFault):
                await self._cluster.ask("DELETE", f"configmaps/{self._name}")


async def sweep(
    cluster: Cluster, *, instance: str, owner: str, living: frozenset[str]
) -> list[str]:
    """Remove the pods of this user's emulators that have ended; return their names.

    Args:
        cluster: Where they are.
        instance: The emulator that asks.
        owner: See :func:`emulator.driver.kubernetes.names.owner`.
        living: The emulators of this user that live.

    Raises:
        ClusterFault: The API refused, or did not answer.
    """
    found = await cluster.ask("GET", "pods", query={"labelSelector": f"{names.OWNER}={owner}"})
    slots = asyncio.Semaphore(_CONCURRENCY)
    ended: set[str] = set()
    orphans = []
    for pod in found["items"]:
        labels = pod["metadata"].get("labels") or {}
        if names.is_orphan(labels, instance=instance, owner=owner, living=living):
            orphans.append(pod)
            ended.add(labels[names.INSTANCE])

    async def remove(path: str) -> None:
        async with slots:
            with suppress(ClusterFault):
                await cluster.ask("DELETE", path)

    paths = [f"pods/{pod['metadata']['name']}" for pod in orphans]
    paths += [f"secrets/{secret}" for pod in orphans if (secret := _secret(pod))]
    paths += [f"configmaps/{config_map_name(each)}" for each in ended]
    await asyncio.gather(*map(remove, paths))
    return [str(pod["metadata"]["name"]) for pod in orphans]


def config_map_name(instance: str) -> str:
    """Return the name of the ConfigMap that owns an instance's pods."""
    return f"localfaas-{instance[:8]}"


def _secret(pod: Mapping[str, Any]) -> str:
    """Return the name of the Secret with a pod's variables; empty for none."""
    for container in pod["spec"]["containers"]:
        for source in container.get("envFrom") or ():
            return str((source.get("secretRef") or {}).get("name") or "")
    return ""


def _reference(kind: str, made: Mapping[str, Any]) -> dict[str, Any]:
    metadata = made["metadata"]
    return {"apiVersion": "v1", "kind": kind, "name": metadata["name"], "uid": metadata["uid"]}
