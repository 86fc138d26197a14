"""The drivers that acceptance tests run on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from emulator.driver.docker.settings import DockerSettings
from emulator.driver.kubernetes.settings import KubernetesSettings
from emulator.settings import Settings
from tests import cluster
from tests.contract.docker_engine import IMAGE, need_engine
from tests.contract.pods import TEMPLATE, Pods

DOCKER = pytest.param("docker", marks=[pytest.mark.docker, pytest.mark.xdist_group("docker")])
DRIVERS = ["process", DOCKER]
#: Needs the fixture ``pods``, and goes into a ``with in_cluster``.
KUBERNETES = pytest.param("kubernetes", marks=cluster.KUBERNETES)
#: Every runtime the tests use has the one image there is without a registry.
IMAGES = dict.fromkeys(
    ("python3.11", "python3.12", "python3.13", "nodejs20.x", "nodejs22.x", "provided.al2023"),
    IMAGE,
)

#: How this machine is called from inside a function.
HERE = {"process": "127.0.0.1", "docker": "host.docker.internal"}


def settings(on: str, **fields: Any) -> Settings:
    """Return the settings of an emulator on a free port whose functions run on a driver.

    They get all the CPU there is, as those of ``localfaas_up`` do.
    """
    if on == "docker":
        need_engine()
        own = DockerSettings(images=fields.pop("images", IMAGES))
        fields = {"driver_options": {"docker": own}, **fields}
    return Settings(**{"port": 0, "driver": on, "cpu_limit": "none", **fields})


def options(driver: str) -> list[str]:
    """Return the same for the command line."""
    if driver == "docker":
        need_engine()
    images = [f"--image={runtime}={image}" for runtime, image in IMAGES.items()]
    return [f"--driver={driver}", *(images if driver == "docker" else [])]


@contextmanager
def in_cluster(pods: Pods, *, has_sdk: bool = True) -> Iterator[tuple[Settings, list[str]]]:
    """Yield the settings, and the options, of an emulator whose functions run as pods.

    The cluster's kubeconfig is this process's while it lasts.

    Args:
        pods: Their namespace.
        has_sdk: Whether images say that they bring AWS's SDK, which pods are sent otherwise.
    """
    template = pods.folder / "of-acceptance.yaml"
    template.write_text(TEMPLATE if has_sdk else "{}")
    images = dict.fromkeys(IMAGES, cluster.IMAGE)
    own = {
        "docker": DockerSettings(images=images, advertise=pods.advertise),
        "kubernetes": KubernetesSettings(namespace=pods.namespace, pod_template=template),
    }
    words = ["--driver=kubernetes", f"--namespace={pods.namespace}", f"--pod-template={template}",
             *(f"--image={runtime}={image}" for runtime, image in images.items())]  # fmt: skip
    if pods.advertise:
        words.append(f"--advertise-host={pods.advertise}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "KUBECONFIG", str(pods.kubeconfig))
        yield settings("kubernetes", driver_options=own), words
