"""The user's project: templates and folders, kept in step with the disk."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.code.live import walk
from emulator.model.errors import ConfigurationError
from emulator.project.given import Given, read_parameters, read_variables
from emulator.project.notes import of_missed, of_runtimes
from emulator.project.watching import Declared
from emulator.stack.finding import find_assembly, find_template

if TYPE_CHECKING:
    from emulator.project.folder import Folder
    from emulator.project.template import TemplateStack
    from emulator.services.context import Parts
    from emulator.settings import Settings


#: Seconds that a start waits for a stack in which nothing happens, once it is known what to make.
_PATIENCE_S = 20.0


class Project:
    """What ``localfaas up`` was given: folders of functions, and templates that are stacks.

    Args:
        parts: The parts of the emulator; its settings name the paths.

    Raises:
        ConfigurationError: A path is nothing that can be served, or a parameter is in no template.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        settings = parts.settings
        self.folders: list[Folder] = []
        self.stacks: list[TemplateStack] = []
        self._making: asyncio.Future[list[str]] | None = None
        self._late: set[asyncio.Future[list[str]]] = set()
        given = _given(settings)
        for path in settings.functions:
            template, assembly = find_template(path), find_assembly(path)
            if template is None and assembly is None:
                self.folders.append(self._folder(path, given))
        if len(self.folders) < len(settings.functions):
            self._find_stacks(settings, given)
        if given.parameters:
            self._refuse_unknown(given.parameters)

    @property
    def declared(self) -> Sequence[Declared]:
        """Return what declares functions on the disk."""
        return (*self.folders, *self.stacks)

    def _folder(self, path: Path, given: Given) -> Folder:
        from emulator.project.folder import Folder

        parts = self._parts
        return Folder(
            path,
            registry=parts.registry,
            clock=parts.clock,
            console=parts.console,
            check_runtime=parts.driver.check_runtime,
            account=parts.table.account,
            region=parts.table.region,
            strict=parts.strict,
            variables=given.variables,
        )

    def _find_stacks(self, settings: Settings, given: Given) -> None:
        from emulator.project.sources import find_sources
        from emulator.project.template import TemplateStack
        from emulator.stack.packaging import Local

        sources = find_sources(settings.functions, given.stack_name)
        local = Local(
            account=self._parts.table.account,
            variables=given.variables,
        )
        self.stacks = [
            TemplateStack(source, self._parts, given, local, strict=settings.strict)
            for source in sources
        ]

    def _refuse_unknown(self, parameters: Mapping[str, str]) -> None:
        declared: set[str] = set().union(*(stack.declared() for stack in self.stacks))
        unknown = sorted(parameters.keys() - declared)
        if unknown:
            near = difflib.get_close_matches(unknown[0], declared, n=1)
            hint = f": did you mean {near[0]}?" if near else ""
            raise ConfigurationError(f"no template has a parameter {unknown[0]}{hint}")

    def load(self) -> list[str]:
        """Have the functions of folders served; returns notes for the user. Blocks.

        Raises:
            ConfigurationError: One of them can't be served.
        """
        return [note for folder in self.folders for note in folder.load()]

    async def apply_anew(self) -> None:
        """Serve again what was given, after all of it was removed.

        Raises:
            ConfigurationError: As :meth:`deploy`.
        """
        for folder in self.folders:
            folder.declare_anew()
        await self.deploy()

    async def begin(self, blocked: asyncio.Event) -> None:
        """Begin to make the stacks; returns when that is done or needs functions to run.

        Args:
            blocked: Set when something waits for that.

        Raises:
            ConfigurationError: As :meth:`deploy`.
        """
        if not self.stacks:
            return
        self._making = asyncio.ensure_future(self.deploy())
        waiting = asyncio.ensure_future(blocked.wait())
        try:
            await asyncio.wait((self._making, waiting), return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        if self._making.done():
            self._making.result()

    async def finish(self) -> list[str]:
        """Return when the stacks are made, with notes for the user.

        Raises:
            ConfigurationError: As :meth:`deploy`.
        """
        return [] if self._making is None else await self._making

    async def deploy(self) -> list[str]:
        """Make the stacks; returns notes for the user.

        Raises:
            ConfigurationError: A template can't be had; the emulator does not start.
        """
        notes: list[str] = []
        for stack in self.stacks:
            notes += await self._deploy(stack)
        if self.stacks:
            notes += self._of_functions()
        return list(dict.fromkeys(notes))

    async def _deploy(self, stack: TemplateStack) -> list[str]:
        """Make a stack; one that waits for somebody does not hold up the start for long."""
        deploying = asyncio.ensure_future(stack.deploy())
        planned = asyncio.ensure_future(stack.planned_once.wait())
        try:
            await asyncio.wait((deploying, planned), return_when=asyncio.FIRST_COMPLETED)
            while not deploying.done():
                before = stack.events
                await asyncio.wait((deploying,), timeout=_PATIENCE_S)
                if stack.events == before:
                    break
        except asyncio.CancelledError:
            deploying.cancel()
            raise
        finally:
            planned.cancel()
        if deploying.done():
            return deploying.result()
        self._late.add(deploying)
        deploying.add_done_callback(self._told_late)
        waits = ", ".join(stack.under_way()) or "its template"
        return [f"the stack {stack.source.stack_name} is still being made: {waits}"]

    def _told_late(self, deploying: asyncio.Future[list[str]]) -> None:
        self._late.discard(deploying)
        if deploying.cancelled():
            return
        error = deploying.exception()
        for note in [str(error)] if error is not None else deploying.result():
            self._parts.console.warn(note)

    @property
    def is_unfinished(self) -> bool:
        """Return whether a stack is still being made that the start did not wait for."""
        return bool(self._late)

    @property
    def functions(self) -> list[str]:
        """Return the names of the functions that are declared, in their order."""
        names = [name for stack in self.stacks for name in stack.functions]
        return [*(name for folder in self.folders for name in folder.contents.functions), *names]

    def _of_functions(self) -> list[str]:
        functions = [f for f in self._parts.registry.all() if not f.declared]
        runtimes = {function.latest.runtime for function in functions}
        driver, strict = self._parts.driver, self._parts.strict
        notes = [
            note
            for note in of_runtimes(runtimes, driver.check_runtime, strict=strict)
            if note not in self._parts.told
        ]
        for function in functions:
            if function.latest.code.live and function.latest.code.folder is not None:
                notes += of_missed(function.name, walk(function.latest.code.folder)[1])
        return notes

    async def close(self) -> None:
        """Give up what is being made."""
        under_way = [*self._late, *([] if self._making is None else [self._making])]
        for deploying in under_way:
            deploying.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        for stack in self.stacks:
            await stack.close()


def _given(settings: Settings) -> Given:
    parameters: dict[str, str] = {}
    for path in settings.parameter_files:
        parameters |= read_parameters(path)
    for text in settings.parameters:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise ConfigurationError(f"--parameter: {text!r} is not NAME=VALUE")
        parameters[name] = value
    variables: dict[str, dict[str, str]] = {}
    for path in settings.env_files:
        for function, more in read_variables(path).items():
            variables[function] = {**variables.get(function, {}), **more}
    return Given(parameters=parameters, variables=variables, stack_name=settings.stack_name or "")
