"""Runtime images: which there are, and building the project's own where no registry is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from emulator.driver.declaration import RuntimeImage
from emulator.driver.docker.address import resolve
from emulator.driver.docker.engine import Engine
from emulator.driver.docker.find import no_engine
from emulator.driver.docker.images import own_image
from emulator.driver.docker.responses import EngineFault
from emulator.driver.images import public_image
from emulator.driver.languages.table import language as find_language
from emulator.driver.languages.table import split_runtime
from emulator.model.console import Console, Progress
from emulator.model.errors import ConfigurationError, DriverFault

#: Seconds a step of a build may take without a word.
_QUIET = 1800.0


async def find_runtime_images(
    runtimes: Iterable[str], *, mapping: Mapping[str, str], environ: Mapping[str, str]
) -> list[RuntimeImage]:
    """Return which image serves each of ``runtimes``, and whether the engine has it.

    Args:
        runtimes: AWS's identifiers.
        mapping: Images by runtime, from the settings.
        environ: The variables that say where the engine is.

    Raises:
        ConfigurationError: No engine answers.
        DriverFault: It refused.
    """
    engine = await _open(environ)
    found = []
    try:
        for runtime in runtimes:
            image, source = mapping.get(runtime, ""), "setting"
            if not image:
                image, source = own_image(runtime), "built here"
                if await engine.image(image) is None:
                    image, source = public_image(runtime), "AWS"
            info = await engine.image(image)
            architecture = info.architecture if info else ""
            found.append(
                RuntimeImage(runtime=runtime, image=image, source=source, architecture=architecture)
            )
    finally:
        engine.close()
    return found


async def build_runtime_image(
    runtime: str,
    *,
    runtimes: Path,
    environ: Mapping[str, str],
    base_image: str = "",
    console: Console,
) -> str:
    """Build ``runtimes/<language>/Dockerfile`` and return the image's name.

    Args:
        runtime: AWS's identifier, e.g. "python3.12".
        runtimes: The folder with a folder per language.
        environ: The variables that say where the engine is.
        base_image: Its BASE_IMAGE; empty takes the language's own image of that version.
        console: Shows the build's output, line by line.

    Raises:
        ConfigurationError: There is no Dockerfile for it, or no engine.
        DriverFault: The build failed; the text is the engine's.
    """
    language, version = split_runtime(runtime)
    remedy = "" if base_image else " (`--base-image` names another image to build on)"
    known = find_language(language)
    if not base_image and known is not None and known.container is not None:
        base_image = known.container.base_image.format(version=version)
    folder, image = runtimes / language, own_image(runtime)
    if not (folder / "Dockerfile").is_file():
        raise ConfigurationError(f"no Dockerfile for {runtime}: {folder / 'Dockerfile'}")
    engine = await _open(environ)
    failed: list[str] = []

    def report(line: dict[str, Any]) -> None:
        if "error" in line:
            failed.append(str(line["error"]))
        text = str(line.get("stream") or line.get("status") or "").strip()
        if text:
            console.progress(Progress(image=image, status=text))

    arguments = {"BASE_IMAGE": base_image} if base_image else {}
    try:
        await engine.progress(
            lambda client: client.build(
                path=str(folder), tag=image, buildargs=arguments, rm=True, decode=True
            ),
            report,
            _QUIET,
        )
    except EngineFault as error:
        failed.append(str(error))
    finally:
        engine.close()
    if failed:
        raise DriverFault(f"{image} could not be built: {failed[0]}{remedy}")
    return image


async def _open(environ: Mapping[str, str]) -> Engine:
    address = resolve(environ, home=Path.home())
    engine = Engine(address, environ=environ)
    try:
        await engine.open()
    except EngineFault as error:
        engine.close()
        raise ConfigurationError(no_engine(address, error, environ)) from error
    return engine
