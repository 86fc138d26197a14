"""The command ``up``: the emulator itself."""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.cli.console import TerminalConsole
from emulator.cli.greeting import greet
from emulator.cli.terminal import (
    LivePrinter,
    is_terminal,
    log_line,
    note,
    pairs,
)
from emulator.settings import Settings

if TYPE_CHECKING:
    import asyncio

    from emulator.app import Emulator

_DEFAULTS = Settings()


class DriverName(StrEnum):
    PROCESS = "process"
    DOCKER = "docker"
    AUTO = "auto"


class Durability(StrEnum):
    FULL = "full"
    NORMAL = "normal"
    OFF = "off"


class CpuLimit(StrEnum):
    AWS = "aws"
    NONE = "none"


class Bootstrap(StrEnum):
    LOCALFAAS = "localfaas"
    AWSLAMBDARIC = "awslambdaric"


def _variable(name: str) -> str:
    return f"LOCALFAAS_{name}"


def up(
    path: Annotated[
        Path | None,
        typer.Argument(
            envvar=_variable("FUNCTIONS"),
            help="A SAM template, or a folder with one or with a folder per function. "
            "Without it, the current folder's template, if there is one.",
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(envvar=_variable("HOST"), help="The address to listen on.")
    ] = _DEFAULTS.host,
    port: Annotated[
        int,
        typer.Option(
            envvar=_variable("PORT"), min=0, max=65535, help="The port; 0 takes a free one."
        ),
    ] = _DEFAULTS.port,
    driver: Annotated[
        DriverName,
        typer.Option(
            envvar=_variable("DRIVER"),
            help="Where functions run: as processes, in containers, or in containers if a Docker "
            "engine answers.",
        ),
    ] = DriverName.PROCESS,
    image: Annotated[
        list[str] | None,
        typer.Option(
            envvar=_variable("IMAGE"),
            metavar="RUNTIME=IMAGE",
            help="Docker: the image of a runtime's functions, instead of AWS's base image.",
        ),
    ] = None,
    docker_network: Annotated[
        str,
        typer.Option(envvar=_variable("DOCKER_NETWORK"), help="Docker: the network they join."),
    ] = _DEFAULTS.docker_network,
    advertise_host: Annotated[
        str,
        typer.Option(
            envvar=_variable("ADVERTISE_HOST"),
            help="Docker: the address at which containers reach this machine. Default: that of "
            "the way to the engine.",
            show_default=False,
        ),
    ] = _DEFAULTS.advertise_host,
    docker_label: Annotated[
        list[str] | None,
        typer.Option(
            envvar=_variable("DOCKER_LABEL"),
            metavar="KEY=VALUE",
            help="Docker: a label of every container, e.g. for a reaper.",
        ),
    ] = None,
    freeze: Annotated[
        bool | None,
        typer.Option(
            "--freeze/--no-freeze",
            envvar=_variable("FREEZE"),
            help="Stop environments between calls, as AWS does. Default: in containers.",
            show_default=False,
        ),
    ] = None,
    state: Annotated[
        Path | None, typer.Option(envvar=_variable("STATE"), help="The folder that keeps state.")
    ] = None,
    ephemeral: Annotated[
        bool,
        typer.Option(
            "--ephemeral",
            envvar=_variable("EPHEMERAL"),
            help="Keep nothing when it ends (as without --state).",
        ),
    ] = False,
    durability: Annotated[
        Durability,
        typer.Option(
            envvar=_variable("DURABILITY"),
            help="What an acknowledged event or message outlives, with --state: full, also a power "
            "cut; normal and off are faster, and outlive a crash of the emulator only.",
        ),
    ] = Durability.FULL,
    idle_timeout: Annotated[
        float,
        typer.Option(
            envvar=_variable("IDLE_TIMEOUT"), min=0, help="Seconds an environment may be idle."
        ),
    ] = _DEFAULTS.idle_timeout,
    max_environments: Annotated[
        int,
        typer.Option(
            envvar=_variable("MAX_ENVIRONMENTS"), min=1, help="Environments of all functions."
        ),
    ] = _DEFAULTS.max_environments,
    sqs_endpoint: Annotated[
        str | None,
        typer.Option(
            envvar=_variable("SQS_ENDPOINT"),
            help="Where event source mappings poll queues that are not here: the URL of AWS's SQS "
            "or of another emulator.",
        ),
    ] = None,
    account_concurrency: Annotated[
        int,
        typer.Option(
            envvar=_variable("ACCOUNT_CONCURRENCY"),
            min=1,
            help="Calls that run at once per account and region, as AWS limits them.",
        ),
    ] = _DEFAULTS.account_concurrency,
    transition_seconds: Annotated[
        float,
        typer.Option(
            envvar=_variable("TRANSITION_SECONDS"),
            min=0,
            help="Seconds a changed function is shown as Pending or InProgress at most, unless it "
            "is called or waited for.",
        ),
    ] = _DEFAULTS.transition_seconds,
    inactive_after: Annotated[
        float,
        typer.Option(
            envvar=_variable("INACTIVE_AFTER"),
            min=0,
            help="Seconds without a call or a change that make a function Inactive (0: never).",
        ),
    ] = _DEFAULTS.inactive_after,
    cpu_limit: Annotated[
        CpuLimit,
        typer.Option(
            envvar=_variable("CPU_LIMIT"),
            help="How much CPU a function gets once it is initialised: aws, in proportion to its "
            "memory (one vCPU at 1,769 MB); none, all there is.",
        ),
    ] = CpuLimit.AWS,
    async_retry_scale: Annotated[
        float,
        typer.Option(
            envvar=_variable("ASYNC_RETRY_SCALE"),
            min=0,
            help="What the waits between attempts of asynchronous events (1 and 2 minutes) are "
            "multiplied with, for tests.",
        ),
    ] = _DEFAULTS.async_retry_scale,
    no_watch: Annotated[
        bool,
        typer.Option("--no-watch", envvar=_variable("NO_WATCH"), help="Do not reload on changes."),
    ] = False,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            envvar=_variable("STRICT"),
            help="Refuse what could only be approximated (another version of a runtime, "
            "settings not acted on).",
        ),
    ] = False,
    no_endpoint_injection: Annotated[
        bool,
        typer.Option(
            "--no-endpoint-injection",
            envvar=_variable("NO_ENDPOINT_INJECTION"),
            help="Do not give functions AWS_ENDPOINT_URL: their AWS SDK talks to AWS.",
        ),
    ] = False,
    bootstrap: Annotated[
        Bootstrap,
        typer.Option(
            envvar=_variable("BOOTSTRAP"),
            help="The Runtime API client of Python functions: ours, or AWS's own.",
        ),
    ] = Bootstrap.LOCALFAAS,
    stem_cells: Annotated[
        int,
        typer.Option(
            envvar=_variable("STEM_CELLS"),
            min=0,
            help="Sandboxes kept started ahead of use, for each interpreter or image: so many "
            "cold starts at once are quick.",
        ),
    ] = _DEFAULTS.stem_cells,
    no_stem_cells: Annotated[
        bool,
        typer.Option(
            "--no-stem-cells",
            envvar=_variable("NO_STEM_CELLS"),
            help="The same as --stem-cells 0: less memory, slower cold starts.",
        ),
    ] = False,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(envvar=_variable("ALLOW_HOST"), help="A further host name to answer to."),
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            envvar=_variable("ALLOW_ORIGIN"), help="A web origin whose pages may call it."
        ),
    ] = None,
    region: Annotated[
        str, typer.Option(envvar=_variable("REGION"), help="The functions' AWS region.")
    ] = _DEFAULTS.region,
    account: Annotated[
        str, typer.Option(envvar=_variable("ACCOUNT"), help="The functions' AWS account.")
    ] = _DEFAULTS.account,
    quiet: Annotated[
        bool,
        typer.Option(
            "-q", "--quiet", envvar=_variable("QUIET"), help="Do not print functions' logs."
        ),
    ] = False,
) -> None:
    """Start the emulator, with the functions of a template or folder.

    It runs until Ctrl-C, which lets calls in flight finish; a second one does not.

    Example: localfaas up sample_functions
    """
    if ephemeral and state is not None:
        raise typer.BadParameter("--ephemeral and --state exclude each other")
    if sqs_endpoint is not None and not sqs_endpoint.startswith(("http://", "https://")):
        raise typer.BadParameter("an endpoint is a URL", param_hint="--sqs-endpoint")
    if not (len(account) == 12 and account.isdecimal()):
        raise typer.BadParameter("an AWS account is 12 digits", param_hint="--account")
    settings = Settings(
        host=host,
        port=port,
        driver=driver.value,
        state=state,
        durability=durability.value,
        cpu_limit=cpu_limit.value,
        async_retry_scale=async_retry_scale,
        functions=path or _template_here(),
        idle_timeout=idle_timeout,
        max_environments=max_environments,
        account_concurrency=account_concurrency,
        sqs_endpoint=sqs_endpoint,
        transition_seconds=transition_seconds,
        inactive_after=inactive_after,
        watch=not no_watch,
        strict=strict,
        inject_endpoint=not no_endpoint_injection,
        bootstrap=bootstrap.value,
        stem_cells=0 if no_stem_cells else stem_cells,
        freeze=freeze,
        images=pairs(image, "--image"),
        docker_network=docker_network,
        advertise_host=advertise_host,
        docker_labels=pairs(docker_label, "--docker-label"),
        allow_hosts=tuple(allow_host or ()),
        allow_origins=tuple(allow_origin or ()),
        region=region,
        account=account,
    )
    _serve(settings, quiet=quiet)


def _template_here() -> Path | None:
    from emulator.stack.template import TEMPLATES

    here = Path()
    return here if any((here / name).is_file() for name in TEMPLATES) else None


def _serve(settings: Settings, *, quiet: bool) -> None:
    import asyncio

    from emulator.app import Emulator

    if not _is_loopback(settings.host):
        note(
            f"listening on {settings.host}: whoever reaches this address can run code here, as "
            "signatures are not checked"
        )
    printer = LivePrinter(sys.stdout)

    async def run() -> None:
        emulator = Emulator(settings, console=TerminalConsole(printer))
        if not quiet:
            _print_logs(emulator, printer)
        await emulator.run(partial(greet, emulator))

    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(run())
    finally:
        printer.close()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    from ipaddress import ip_address

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _print_logs(emulator: Emulator, printer: LivePrinter) -> None:
    colour = is_terminal()
    emulator.logs.listen(
        lambda group, stream, event: printer.print(
            log_line(group.name.removeprefix("/aws/lambda/"), event.message, colour=colour)
        )
    )
