"""Builds the project's own runtime images, for where no registry is reachable."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from emulator.driver.docker.address import resolve
from emulator.driver.docker.answers import EngineFault
from emulator.driver.docker.engine import Engine
from emulator.driver.docker.images import Progress, own_image, split_runtime
from emulator.model.errors import ConfigurationError, DriverFault

#: Seconds.
_TIMEOUT = 1800.0


async def build_runtime_image(
    runtime: str,
    *,
    runtimes: Path,
    environ: Mapping[str, str],
    base_image: str = "",
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> str:
    """Build ``runtimes/<language>/Dockerfile`` and return the image's name.

    Args:
        runtime: AWS's identifier, e.g. "python3.12".
        runtimes: The folder with a folder per language.
        environ: The variables that say where the engine is.
        base_image: Its BASE_IMAGE; empty takes the Dockerfile's own.
        on_progress: Hears the build's output, line by line.

    Raises:
        ConfigurationError: There is no Dockerfile for it, or no engine.
        DriverFault: The build failed; the text is the engine's.
    """
    language, _ = split_runtime(runtime)
    folder, image = runtimes / language, own_image(runtime)
    if not (folder / "Dockerfile").is_file():
        raise ConfigurationError(f"no Dockerfile for {runtime}: {folder / 'Dockerfile'}")
    engine = Engine(resolve(environ, home=Path.home()))
    failed: list[str] = []

    def report(line: dict[str, Any]) -> None:
        if "error" in line:
            failed.append(str(line["error"]))
        text = str(line.get("stream") or line.get("status") or "").strip()
        if text:
            on_progress(Progress(image=image, status=text))

    arguments = {"BASE_IMAGE": base_image} if base_image else {}
    try:
        await engine.open()
        await engine.progress(
            lambda client: client.build(
                path=str(folder), tag=image, buildargs=arguments, rm=True, decode=True
            ),
            report,
            _TIMEOUT,
        )
    except EngineFault as error:
        failed.append(str(error))
    finally:
        engine.close()
    if failed:
        raise DriverFault(f"{image} could not be built: {failed[0]}")
    return image
