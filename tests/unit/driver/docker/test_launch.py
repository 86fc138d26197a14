"""How a container is started."""

from __future__ import annotations

from emulator.driver.docker import launch
from emulator.driver.docker.images import Plan
from emulator.driver.docker.responses import ImageInfo
from tests.contract.docker_engine import make_spec


def test_an_image_without_a_start_command_is_the_functions_own_fault() -> None:
    image = ImageInfo(
        id="1", digest="1", entrypoint=(), command=(), environ={}, architecture="amd64"
    )
    spec = make_spec(None, image="empty", runtime="", handler="")
    how = launch.launch(spec, Plan(image="empty", platform="linux/amd64"), image, "host:9001")
    assert how.error == ("Runtime.InvalidEntrypoint", "fork/exec : no such file or directory")
