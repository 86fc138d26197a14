"""The command ``up``: starts the emulator."""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from emulator.cli.console import TerminalConsole
from emulator.cli.greeting import greet
from emulator.cli.launcher import Launcher
from emulator.cli.live_printer import LivePrinter
from emulator.cli.log_lines import log_line
from emulator.cli.options import OptionOf, options_of, values, with_options
from emulator.cli.terminal import CommandError, is_terminal, note
from emulator.client.link import LAUNCHER
from emulator.driver.table import AUTO, declarations
from emulator.settings import KEPT, RUNNING, SERVED, SHOWN, Settings, option

if TYPE_CHECKING:
    import asyncio

    from emulator.app import Emulator
    from emulator.telemetry.groups import LogEvent, LogGroup, LogStream

_DEFAULTS = Settings()
#: Files that are open at once are never more: far beyond what a machine has sandboxes for.
_DESCRIPTORS = 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class _Own:
    """Options of the command itself, which are no settings."""

    ephemeral: bool = option(False, "Keep nothing when it ends (as without --state).", KEPT)
    empty: bool = option(
        False, "Without PATH, serve nothing: not the template of this folder either.", SERVED
    )
    no_stem_cells: bool = option(
        False, "The same as --stem-cells 0: less memory, slower cold starts.", RUNNING
    )
    quiet: bool = option(False, "Do not print functions' logs.", SHOWN, short="-q")
    detach: bool = option(
        False, "Return once functions can be called; `localfaas down` ends it.", SHOWN, short="-d"
    )


def _of_settings() -> list[OptionOf]:
    """Return the options of all settings, with what the drivers have to say in them."""
    drivers = declarations()
    wheres = ", ".join(f"{each.name} ({each.where})" for each in drivers)
    probed = " or ".join(each.name for each in drivers if each.probe is not None)
    freezing = ", ".join(each.name for each in drivers if each.freezes)
    helps = {
        "driver": f"Where functions run: {wheres}; {AUTO} takes {probed} if that can be used here.",
        "freeze": "Stop environments between calls, as AWS does. Default: yes with the drivers "
        f"{freezing}.",
    }
    choices = {"driver": (*(each.name for each in drivers), AUTO)}
    return options_of(Settings, helps=helps, choices=choices)


_SETTINGS = _of_settings()
_OWN = options_of(_Own)
_DRIVERS = {
    each.name: (each.options, options_of(each.options))
    for each in declarations()
    if each.options is not None
}


@with_options([*_SETTINGS, *(each for _, own in _DRIVERS.values() for each in own), *_OWN])
def up(**given: Any) -> None:
    """Start the emulator with templates or folders of functions.

    It runs until Ctrl-C, which waits for calls in flight; a second Ctrl-C does not.

    Example: localfaas up sample_functions
    """
    own = _Own(**values(_OWN, given))
    # What has been started in the background is the command itself.
    if own.detach and LAUNCHER not in os.environ:
        _start_detached(sys.argv[sys.argv.index("up") + 1 :])
        return
    settings = Settings(
        **values(_SETTINGS, given),
        driver_options={
            name: options(**values(declared, given))
            for name, (options, declared) in _DRIVERS.items()
        },
    )
    if own.ephemeral and settings.state is not None:
        raise typer.BadParameter("give either --ephemeral or --state, not both")
    if own.no_stem_cells:
        settings = replace(settings, stem_cells=0)
    if not settings.functions and not own.empty:
        settings = replace(settings, functions=_template_here())
    _serve(settings, quiet=own.quiet)


def _start_detached(arguments: Sequence[str]) -> None:
    """Start the same command in the background, and print what it prints until it is ready.

    Args:
        arguments: The command's own.
    """
    from emulator.client.endpoint import DEFAULT_ENDPOINT, Client
    from emulator.client.server import Server
    from emulator.code import build_cache

    logs = build_cache.folder().parent / "logs"
    starting = logs / f"{os.getpid()}.starting"
    try:
        logs.mkdir(parents=True, exist_ok=True)
        server = Server.start(arguments, log=starting)
        # One for each port: that of the next start takes its place.
        log = starting.rename(logs / f"{Client(server.url).port}.log")
    except OSError as failure:
        raise CommandError(
            f"can't write to {logs}: {failure.strerror}. Set XDG_CACHE_HOME to a folder that takes"
            " files."
        ) from failure
    finally:
        with contextlib.suppress(OSError):
            starting.unlink()
    server.detach()
    print(server.output(), end="", flush=True)
    here = Client(server.url).port == Client(DEFAULT_ENDPOINT).port
    down = "localfaas down" if here else f"localfaas down --endpoint {server.url}"
    note(f"process {server.pid} goes on and prints to {log}; `{down}` ends it")


def _template_here() -> tuple[Path, ...]:
    from emulator.stack.finding import find_assembly, find_template

    here = Path()
    return (here,) if find_template(here) or find_assembly(here) else ()


def _serve(settings: Settings, *, quiet: bool) -> None:
    # A start makes next to no garbage. The collector goes on with a build, or once it is ready.
    gc.disable()
    _take_descriptors()
    import asyncio

    from emulator.app import Emulator

    if not _is_loopback(settings.host):
        note(
            f"listening on {settings.host}: whoever reaches this address can run code here, as "
            "signatures are not checked"
        )
    printer = LivePrinter(sys.stdout)

    launcher = Launcher.of_this_process()

    async def run() -> None:
        emulator = Emulator(settings, console=TerminalConsole(printer))
        if not quiet:
            _print_logs(emulator, printer)
        if launcher is not None:
            launcher.watch(emulator.stop)
        await emulator.run(partial(_be_ready, emulator, launcher))

    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(run())
    finally:
        printer.close()


def _take_descriptors() -> None:
    """Open as many files as the user may have: callers and environments each need some."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < most:
        with contextlib.suppress(OSError, ValueError):  # macOS allows less than it says
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _be_ready(emulator: Emulator, launcher: Launcher | None) -> None:
    greet(emulator)
    if launcher is not None:
        launcher.tell_ready(emulator.endpoint, emulator.settings.region)


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
    terminal = is_terminal()

    def show(group: LogGroup, stream: LogStream, event: LogEvent) -> None:
        name = group.name.removeprefix("/aws/lambda/")
        printer.print(log_line(name, event.message, printer.width if terminal else None))

    emulator.logs.listen(show)
