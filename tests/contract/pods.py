"""The Kubernetes driver for tests: in a namespace of theirs, with the rights of deploy's Role."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from emulator.driver.base import Sandbox
from emulator.driver.conventions import runtimes_folder
from emulator.driver.kubernetes.driver import KubernetesDriver
from emulator.driver.kubernetes.settings import KubernetesSettings
from emulator.model.sandbox import EnvironmentSpec
from tests.cluster import IMAGE, Cluster, cluster

_RIGHTS = Path(__file__).parents[2] / "deploy/kubernetes/base/rights.yaml"
#: Where pods reach this machine; without it they are dialled.
_ADVERTISE = os.environ.get("LOCALFAAS_TEST_KUBERNETES_ADVERTISE", "")
#: The same, of the script's cluster.
_OF_SCRIPT = "10.217.0.254"
#: Says of the tests' image that it brings AWS's SDK, which each pod would be sent otherwise.
TEMPLATE = """\
spec:
  containers:
    - {name: function, env: [{name: LAMBDA_RUNTIME_DIR, value: /var/runtime}]}
"""


@dataclass(frozen=True)
class Pods:
    """A namespace for pods, and who may make them there."""

    cluster: Cluster
    namespace: str
    kubeconfig: Path
    folder: Path

    @property
    def advertise(self) -> str:
        """Where pods reach this machine; empty where they are dialled."""
        return _ADVERTISE or (_OF_SCRIPT if self.cluster.own else "")

    def driver(self, *, template: str = TEMPLATE, **settings: Any) -> TrackingDriver:
        """Return a driver, not open yet."""
        file = self.folder / f"template-{abs(hash(template))}.yaml"
        file.write_text(template)
        own: dict[str, Any] = {
            "stems": 0,
            "advertise": self.advertise,
            "images": {"python3.11": IMAGE, "nodejs20.x": IMAGE},
            "namespace": self.namespace,
            "pod_template": file,
            "directory": self.folder / "locks",
        }
        return TrackingDriver(
            KubernetesSettings(**own | settings),
            bootstraps=runtimes_folder(),
            environ={"KUBECONFIG": str(self.kubeconfig)},
        )

    def all(self) -> list[Any]:
        """Return the pods that there are."""
        return list(self.cluster.get("pods", "--namespace", self.namespace)["items"])


class TrackingDriver(KubernetesDriver):
    """Closes the channels, which are its caller's, when it is closed."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._channels: list[socket.socket] = []

    async def start(self, spec: EnvironmentSpec) -> Sandbox:
        return self._track(await super().start(spec))

    async def reset(self, sandbox: Sandbox, spec: EnvironmentSpec) -> Sandbox:
        return self._track(await super().reset(sandbox, spec))

    def _track(self, sandbox: Sandbox) -> Sandbox:
        if sandbox.channel is not None:
            self._channels.append(sandbox.channel)
        return sandbox

    async def close(self) -> None:
        await super().close()
        for channel in self._channels:
            channel.close()


@pytest.fixture(scope="session")
def pods(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pods]:
    found = cluster()
    folder = tmp_path_factory.mktemp("pods")
    with found.namespace() as namespace:
        found.kubectl("apply", "--namespace", namespace, "-f", str(_RIGHTS))
        kubeconfig = found.kubeconfig_of("localfaas", namespace, folder)
        yield Pods(found, namespace, kubeconfig, folder)
