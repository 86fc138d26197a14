"""The commands ``runtimes list`` and ``runtimes build``: the images that functions run in.

They use the first driver that declares images.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer

from emulator.cli.client import Json
from emulator.cli.help import Commands
from emulator.cli.options import options_of, values, with_options
from emulator.cli.tables import show_table
from emulator.cli.terminal import make_safe, show_json
from emulator.driver.table import declarations
from emulator.model.console import Progress, SilentConsole

_DRIVER = next(each for each in declarations() if each.images is not None)
assert _DRIVER.images is not None
assert _DRIVER.options is not None
_make_images, _make_options = _DRIVER.images, _DRIVER.options
_IMAGE = [each for each in options_of(_make_options) if each.name == "images"]

runtimes = Commands(
    "List and build the images of the Docker driver.\n\nExample: localfaas runtimes list",
    no_args_is_help=True,
)


@runtimes.command(name="list")
@with_options(_IMAGE)
def list_(json: Json = False, **given: Any) -> None:
    """List AWS's runtimes with the image of each.

    HERE shows the architecture of an image that the engine already has.

    Example: localfaas runtimes list
    """
    import asyncio

    from emulator.services.lambda_.functions.runtimes import CURRENT

    images = _make_images(_make_options(**values(_IMAGE, given)), os.environ)
    found = asyncio.run(images.find(CURRENT))
    if json:
        show_json([each._asdict() for each in found])
        return
    show_table(
        ("RUNTIME", "HERE", "SOURCE", "IMAGE"),
        [
            (each.runtime, each.architecture or "not pulled", each.source, each.image)
            for each in found
        ],
    )


@runtimes.command()
def build(
    runtime: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUNTIME...",
            help="AWS's names of runtimes. Default: the newest of each.",
        ),
    ] = None,
    base_image: Annotated[
        str,
        typer.Option(
            "--base-image",
            help="The base image: any image with the language's interpreter and a shell. "
            "Default: the language's own slim image.",
        ),
    ] = "",
) -> None:
    """Build images with localfaas's own runtimes.

    Use it where AWS's images can't be pulled: functions then run in the images built here.

    Example: localfaas runtimes build python3.12
    """
    import asyncio

    if base_image and len(runtime or ()) != 1:
        raise typer.BadParameter(
            "name exactly one runtime to build on it", param_hint="--base-image"
        )
    images = _make_images(_make_options(), os.environ)

    async def all_of_them() -> None:
        for name in runtime or images.built:
            built = await images.build(name, base_image=base_image, console=_BuildConsole())
            print(built, flush=True)

    asyncio.run(all_of_them())


class _BuildConsole(SilentConsole):
    """Shows the output of a build."""

    def progress(self, progress: Progress) -> None:
        print(make_safe(progress.status), file=sys.stderr, flush=True)
