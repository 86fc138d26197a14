"""Execution environments in containers of a Docker engine."""

from emulator.driver.docker.build import RuntimeImage, build_runtime_image, find_runtime_images
from emulator.driver.docker.driver import DockerDriver, DockerSettings
from emulator.driver.docker.find import find_engine

__all__ = [
    "DockerDriver",
    "DockerSettings",
    "RuntimeImage",
    "build_runtime_image",
    "find_engine",
    "find_runtime_images",
]
