"""The commands ``runtimes list`` and ``runtimes build``: the images containers are made from."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from emulator.cli.client import Json
from emulator.cli.terminal import clean, pairs, show_json, show_table
from emulator.model.console import Progress, SilentConsole

#: Those that are built unless others are named: the newest long-term ones of their languages.
_BUILT = ("python3.12", "nodejs22.x")

runtimes = typer.Typer(
    help="The images that functions run in, with the Docker driver.\n\n"
    "Example: localfaas runtimes list",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Images = Annotated[
    list[str] | None,
    typer.Option(
        "--image",
        envvar="LOCALFAAS_IMAGE",
        metavar="RUNTIME=IMAGE",
        help="As given to `localfaas up`.",
    ),
]


@runtimes.command(name="list")
def list_(image: Images = None, json: Json = False) -> None:
    """List AWS's runtimes with the image of each.

    And whether it is here already.

    Example: localfaas runtimes list
    """
    import asyncio

    from emulator.driver.docker import find_runtime_images
    from emulator.services.lambda_.functions.runtimes import CURRENT

    mapping = pairs(image, "--image")
    named = sorted({*CURRENT, *mapping})
    found = asyncio.run(find_runtime_images(named, mapping=mapping, environ=os.environ))
    if json:
        show_json([asdict(each) for each in found])
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
        typer.Argument(help=f"AWS's names of runtimes; {' and '.join(_BUILT)} if none is given."),
    ] = None,
    base_image: Annotated[
        str,
        typer.Option(
            "--base-image",
            help="What to build on: any image with the language's interpreter and a shell. "
            "Default: the language's own slim image.",
        ),
    ] = "",
) -> None:
    """Build images with localfaas's own runtimes.

    For where AWS's can't be pulled. Functions of a runtime run in the image that was built for
    it, if there is one.

    Example: localfaas runtimes build python3.12 --base-image debian-with-python:1
    """
    import asyncio

    from emulator.driver.conventions import runtimes_folder
    from emulator.driver.docker import build_runtime_image

    if base_image and len(runtime or ()) != 1:
        raise typer.BadParameter(
            "name the one runtime it is the base of", param_hint="--base-image"
        )

    async def all_of_them() -> None:
        for name in runtime or _BUILT:
            built = await build_runtime_image(
                name,
                runtimes=runtimes_folder(),
                environ=os.environ,
                base_image=base_image,
                console=_BuildConsole(),
            )
            print(built, flush=True)

    asyncio.run(all_of_them())


class _BuildConsole(SilentConsole):
    """Shows the output of a build."""

    def progress(self, progress: Progress) -> None:
        print(clean(progress.status), file=sys.stderr, flush=True)
