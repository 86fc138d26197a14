"""The drivers that acceptance tests run on."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.driver.docker.settings import DockerSettings
from emulator.settings import Settings
from tests.contract.docker_engine import IMAGE, need_engine

DOCKER = pytest.param("docker", marks=[pytest.mark.docker, pytest.mark.xdist_group("docker")])
DRIVERS = ["process", DOCKER]
#: Every runtime the tests use has the one image there is without a registry.
IMAGES = dict.fromkeys(
    ("python3.11", "python3.12", "python3.13", "nodejs20.x", "nodejs22.x", "provided.al2023"),
    IMAGE,
)


def settings(on: str, **fields: Any) -> Settings:
    """Return the settings of an emulator on a free port whose functions run on a driver."""
    if on == "docker":
        need_engine()
        own = DockerSettings(images=fields.pop("images", IMAGES))
        fields = {"driver_options": {"docker": own}, **fields}
    return Settings(**{"port": 0, "driver": on, **fields})


def options(driver: str) -> list[str]:
    """Return the same for the command line."""
    if driver == "docker":
        need_engine()
    images = [f"--image={runtime}={image}" for runtime, image in IMAGES.items()]
    return [f"--driver={driver}", *(images if driver == "docker" else [])]
