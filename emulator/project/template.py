"""A template of the user's, kept as a stack: packaged, deployed, and followed as it changes.

The same engine serves ``aws cloudformation deploy``; what differs is that the code stays where it
is, and that what can't be had costs itself alone.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emulator.model.console import Progress
from emulator.model.errors import AwsError, ConfigurationError
from emulator.project.building import SamBuild, contents_of
from emulator.project.given import Given
from emulator.project.watching import Structure, seen
from emulator.stack import document, language_extensions, packaging, parameters
from emulator.stack.errors import TemplateError
from emulator.stack.intrinsics import Evaluator
from emulator.stack.transform import NAME as SAM

if TYPE_CHECKING:
    from emulator.services.cloudformation.deploying import Outcome
    from emulator.services.cloudformation.stack import Event
    from emulator.services.context import Parts

#: The stack of the only template, where nobody names it.
STACK = "localfaas"
_KEPT = "The functions stay as they were."
#: How SAM and CloudFormation name what is wrong with a template.
_OF_SAM = re.compile(r"Resource with id \[(\w+)\] is invalid\. (.*?)(?= Resource with id|$)", re.S)
_TRIES = 20
#: Seconds until a template that has been read counts as planned.
_PLANNING_S = 60.0
_SERVERLESS = "AWS::Serverless::"
_IMPLIED = f"it has no line `Transform: {SAM}`, without which AWS takes no resources of SAM"
#: Types of which a change of the template is not told: they come with others.
_QUIET = ("AWS::IAM::", "AWS::Lambda::Permission", "AWS::Lambda::Version", "AWS::ApiGateway")
_FUNCTION = "AWS::Lambda::Function"
_VERBS = {
    "CREATE_COMPLETE": "added",
    "UPDATE_COMPLETE": "updated",
    "DELETE_COMPLETE": "removed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A template's file, and how to read it.

    Attributes:
        path: The file.
        folder: What its paths are relative to.
        stack_name: The stack's.
        defaults: Parameters of less weight than what the user gives: those of samconfig.toml.
        inputs: Further files whose change is one of the template.
        prepare: Changes the template before it is packaged: CDK's needs it.
    """

    path: Path
    folder: Path
    stack_name: str = STACK
    defaults: Mapping[str, str] = ()  # type: ignore[assignment]
    inputs: tuple[Path, ...] = ()
    prepare: Callable[[dict[str, Any]], dict[str, Any]] = lambda body: body


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A template as it was read."""

    text: str
    packaged: packaging.Packaged
    given: Mapping[str, str]
    notes: tuple[str, ...]


class TemplateStack:
    """One template and its stack.

    Args:
        source: The template.
        parts: The parts of the emulator.
        given: What the user gave for all templates.
        local: What there is beside the templates.
        account: Whose stack it is; None for the emulator's own.
        region: Its region; None for the emulator's own.
        strict: What can't be had as declared fails the whole template.

    Attributes:
        as_read: See :class:`emulator.project.watching.Declared`.
        outcome: Of the last deployment.
    """

    def __init__(
        self,
        source: Source,
        parts: Parts,
        given: Given,
        local: packaging.Local,
        *,
        account: str | None = None,
        region: str | None = None,
        strict: bool = False,
    ) -> None:
        self.source = source
        self.as_read: Structure = ()
        self.outcome: Outcome | None = None
        self._parts, self._given, self._local, self._strict = parts, given, local, strict
        self._account = account or parts.table.account
        self._region = region or parts.table.region
        self._inputs: frozenset[Path] = frozenset()
        self._code: frozenset[Path] = frozenset()
        self._names: set[str] = set()
        self._built = SamBuild(source.path, parts.console)
        #: When what is built from was looked at last, what that was, and what it held.
        self._looked: tuple[int, set[Path], Structure] = (-1, set(), ())
        #: Set once it is known what to make: what has to be built is, and the translator of SAM
        #: has been loaded, which take the longer the busier the machine is.
        self.planned_once = asyncio.Event()
        #: How many events there were.
        self.events = 0
        self._under_way: dict[str, str] = {}
        self._done = 0
        #: Its functions' names, in the order of the template.
        self.functions: tuple[str, ...] = ()
        self._noted: set[str] = set()
        self._deploying = asyncio.Lock()
        self._following: set[asyncio.Task[None]] = set()

    # --- reading ---------------------------------------------------------------------------------

    def read(self) -> Read:
        """Return the template, packaged. Blocks.

        Raises:
            ConfigurationError: It can't be read, or AWS would refuse it; with line and column.
        """
        source = self.source
        inputs = {source.path, *source.inputs}
        structure = _structure(inputs | self._inputs, self._code)
        found = document.read(source.path)
        text = source.path.read_text("utf-8")
        try:
            body, implied = _with_transform(source.prepare(found.body))
            values, given = self._values(body)
            if language_extensions.NAME in _transforms(body):
                loops = Evaluator(body, values, _NoResources())
                body = language_extensions.expand(body, loops.resolve)
            evaluator = Evaluator(body, values, _NoResources())
            self._local.taken -= self._names
            before = set(self._local.taken)
            with self._built.reading():
                packaged = packaging.package(
                    body, source.folder, evaluator.resolve, self._local, built=self._built
                )
            self._names = self._local.taken - before
        except TemplateError as error:
            raise self._located(text, error) from None
        added = packaged.inputs | inputs
        if not added <= self._inputs | inputs or packaged.code != self._code:
            structure = _structure(added, packaged.code)
        self.as_read, self._inputs, self._code = (
            structure + tuple(sorted(self._built.sources)),
            frozenset(added),
            frozenset(packaged.code),
        )
        said = (*found.notes, *([_IMPLIED] if implied else []))
        notes = tuple(f"{source.path.name}: {note}" for note in said)
        return Read(text=text, packaged=packaged, given=given, notes=notes)

    def declared(self) -> set[str]:
        """Return the names of the template's parameters; nothing where it can't be read. Blocks."""
        try:
            return set(document.read(self.source.path).body.get("Parameters") or {})
        except ConfigurationError:
            return set()

    def _values(self, body: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        declared = body.get("Parameters") or {}
        if not isinstance(declared, dict):
            raise TemplateError("Template format error: Parameters section must be an object.")
        wanted = {**dict(self.source.defaults), **self._given.parameters}
        given = {name: text for name, text in wanted.items() if name in declared}
        account, region = self._account, self._region
        found = parameters.read(declared, given)
        pseudo = parameters.pseudo(
            account=account,
            region=region,
            stack_name=self.source.stack_name,
            stack_id=f"arn:aws:cloudformation:{region}:{account}:stack/"
            f"{self.source.stack_name}/local",
        )
        return {**found.values, **pseudo}, given

    def _located(self, text: str, error: TemplateError | AwsError) -> ConfigurationError:
        message = error.message
        if "must have values" in message:
            message += ": give them with --parameter NAME=VALUE or --parameter-file FILE"
        path = error.path if isinstance(error, TemplateError) else ()
        named = _OF_SAM.findall(message)
        if not path and named:
            path = ("Resources", named[0][0])
        return ConfigurationError(f"{self._place(text, path)}: {message}")

    def _place(self, text: str, path: tuple[str | int, ...]) -> str:
        """Return the template's path, with line and column where they are known."""
        found = document.locate(text, path) if path else None
        where = str(self.source.path)
        return where if found is None else f"{where}:{found[0]}:{found[1]}"

    def _of_resource(self, text: str, declared: Iterable[str], logical: str, reason: str) -> str:
        """Return a line on a resource, with the place of what it comes from in the template."""
        origin = max((n for n in declared if logical.startswith(n)), key=len, default="")
        place = self._place(text, ("Resources", origin) if origin else ())
        return f"{place}: {logical}: {reason}"

    # --- deploying -------------------------------------------------------------------------------

    async def deploy(self, on_event: Callable[[Event], None] = lambda event: None) -> list[str]:
        """Make the stack what the template says now; returns notes for the user.

        Raises:
            ConfigurationError: The template can't be had, or (strict) a part of it.
        """
        async with self._deploying:
            read = await asyncio.to_thread(self.read)
            # A macro of the user's may take as long as its function.
            asyncio.get_running_loop().call_later(_PLANNING_S, self.planned_once.set)
            self._done = 0
            try:
                return await self._deploy(read, on_event)
            finally:
                if self._done:
                    self._progress(f"{self._done} resources made, changed or removed", over=True)

    async def _deploy(self, read: Read, on_event: Callable[[Event], None]) -> list[str]:
        from emulator.services.cloudformation.deploying import CAPABILITIES, deploy
        from emulator.services.cloudformation.stack import Goal

        self.functions = tuple(read.packaged.names.values())
        await self._keep_nested(read.packaged.nested)
        self._parts.code_roots.update(read.packaged.code)
        body = read.packaged.body
        declared = list(body.get("Resources") or {})
        notes = [*read.notes, *read.packaged.notes]
        if read.packaged.refused:
            body, lost = _without(body, read.packaged.refused)
            told = [self._of_resource(read.text, declared, n, r) for n, r in lost.items()]
            if self._strict:
                raise ConfigurationError("; ".join(told))
            notes += told
        for _ in range(_TRIES):
            goal = Goal(
                template=json.dumps(body, default=_as_text),
                given=dict(read.given),
                capabilities=CAPABILITIES,
            )
            try:
                self.outcome = await deploy(
                    self._parts,
                    self.source.stack_name,
                    goal,
                    tolerant=not self._strict,
                    account=self._account,
                    region=self._region,
                    on_event=partial(self._see, on_event),
                    on_planned=self.planned_once.set,
                )
            except TemplateError as error:
                refused = {} if self._strict else _refused(error.message, declared)
                if not refused:
                    raise self._located(read.text, error) from None
                body, lost = _without(body, refused)
                declared = list(body.get("Resources") or {})
                if not declared:
                    raise self._located(read.text, error) from None
                notes += [self._of_resource(read.text, lost, n, r) for n, r in lost.items()]
            except AwsError as error:
                raise self._located(read.text, error) from None
            else:
                break
        return self._new(notes + self._report(read))

    def _report(self, read: Read) -> list[str]:
        outcome = self.outcome
        if outcome is None:
            return []
        declared = list(read.packaged.body.get("Resources") or {})
        lines = [
            self._of_resource(read.text, declared, logical, reason)
            for logical, reason in outcome.failures.items()
        ]
        if self._strict and not outcome.stack.status.endswith("_COMPLETE"):
            lines.append(f"{self.source.path}: {outcome.stack.status}: {outcome.stack.reason}")
        if self._strict and (lines or "ROLLBACK" in outcome.stack.status):
            raise ConfigurationError("; ".join(lines) or f"{self.source.path} failed")
        if outcome.not_made:
            made = ", ".join(f"{name} ({kind})" for name, kind in outcome.not_made.items())
            lines.append(f"not made from the template: {made}")
        return lines

    def _new(self, notes: Iterable[str]) -> list[str]:
        """Return the notes that were not returned before."""
        new = [note for note in dict.fromkeys(notes) if note not in self._noted]
        self._noted.update(new)
        return new

    async def _keep_nested(self, nested: Mapping[str, str]) -> None:
        """Put nested templates where the stack finds them."""
        if not nested:
            return
        call = partial(self._parts.table.call, account=self._account, region=self._region)
        # As of AWS's regions, the first one alone takes buckets without a place.
        place = {"CreateBucketConfiguration": {"LocationConstraint": self._region}}
        where = {} if self._region == "us-east-1" else place
        try:
            await call("s3", "CreateBucket", {"Bucket": packaging.TEMPLATES, **where})
        except AwsError as error:
            if error.code not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
                raise
        for key, text in nested.items():
            request = {"Bucket": packaging.TEMPLATES, "Key": key, "Body": text.encode()}
            await call("s3", "PutObject", request)

    def shown(self) -> tuple[dict[str, list[str]], dict[str, str]]:
        """Return what the stack has beside functions, names by type; and its outputs."""
        if self.outcome is None:
            return {}, {}
        stack = self.outcome.stack
        kinds: dict[str, list[str]] = {}
        for logical, resource in sorted(stack.resources.items()):
            made = resource.status.endswith("_COMPLETE") and logical not in self.outcome.not_made
            if made and resource.kind != _FUNCTION and not resource.kind.startswith(_QUIET):
                kinds.setdefault(resource.kind.removeprefix("AWS::"), []).append(logical)
        outputs = {each["OutputKey"]: each["OutputValue"] for each in stack.outputs}
        return dict(sorted(kinds.items())), outputs

    def under_way(self) -> list[str]:
        """Return the resources that are being made, with their types."""
        return [f"{logical} ({kind})" for logical, kind in self._under_way.items()]

    def _see(self, tell: Callable[[Event], None], event: Event) -> None:
        self.events += 1
        if event.status.endswith("_IN_PROGRESS") and "::Stack" not in event.kind:
            self._under_way[event.logical] = event.kind
        elif self._under_way.pop(event.logical, None) and event.status.endswith("_COMPLETE"):
            self._done += 1
            self._progress(f"{self._done} resources, {event.logical} ({event.kind}) the last")
        tell(event)

    def _progress(self, status: str, *, over: bool = False) -> None:
        name = f"stack {self.source.stack_name}"
        self._parts.console.progress(Progress(image=name, status=status, verb="", over=over))

    # --- following -------------------------------------------------------------------------------

    def built_from(self) -> set[Path]:
        """See :class:`emulator.project.watching.Declared`."""
        return {Path(contents.path) for contents in self._built.sources}

    def structure(self, reloads: int) -> Structure:
        """See :class:`emulator.project.watching.Declared`."""
        folders = self.built_from()
        if (reloads, folders) != self._looked[:2]:
            self._looked = (reloads, folders, tuple(sorted(map(contents_of, folders))))
        return _structure(self._inputs | {self.source.path}, self._code) + self._looked[2]

    def changed(self) -> None:
        """See :class:`emulator.project.watching.Declared`."""
        task = asyncio.get_running_loop().create_task(self._follow())
        self._following.add(task)
        task.add_done_callback(self._following.discard)

    async def close(self) -> None:
        """Give up what is being done; it goes on at the next start."""
        self._built.stop()
        for task in self._following:
            task.cancel()
        await asyncio.gather(*self._following, return_exceptions=True)

    async def _follow(self) -> None:
        console = self._parts.console
        try:
            notes = await self.deploy(self._tell)
        except ConfigurationError as error:
            console.warn(f"{error}. {_KEPT}")
            return
        for note in notes:
            console.warn(note)

    def _tell(self, event: Event) -> None:
        verb = _VERBS.get(event.status)
        if verb is None or event.kind.startswith(_QUIET) or "::Stack" in event.kind:
            return
        what = event.physical if event.kind == _FUNCTION else f"{event.logical}, {event.kind}"
        self._parts.console.info(f"{verb} {what} ({self.source.path.name} changed)")


def _structure(files: Iterable[Path], code: Iterable[Path]) -> Structure:
    folders = [seen(path) for path in sorted(code)]
    return (
        *(seen(path) for path in sorted(files)),
        # What is in them is followed as code; here counts that they are there.
        *((path, int(bool(inode)), 0) for path, inode, _ in folders),
    )


def _transforms(body: Mapping[str, Any]) -> list[str]:
    found = body.get("Transform") or []
    return [found] if isinstance(found, str) else [each for each in found if isinstance(each, str)]


def _with_transform(body: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Return a template with SAM's transform if it has SAM's resources; and if that was missing."""
    resources = body.get("Resources")
    kinds = [
        str(resource.get("Type"))
        for resource in (resources.values() if isinstance(resources, dict) else ())
        if isinstance(resource, dict)
    ]
    if body.get("Transform") or not any(kind.startswith(_SERVERLESS) for kind in kinds):
        return body, False
    return {**body, "Transform": SAM}, True


def _refused(message: str, declared: list[str]) -> dict[str, str]:
    """Return the resources that an error names, with what is wrong with each."""
    found = {name: reason.strip() for name, reason in _OF_SAM.findall(message) if name in declared}
    if found:
        return found
    if "Unresolved resource dependencies" in message or "resource definition" in message:
        return {}
    named = [name for name in declared if re.search(rf"\b{re.escape(name)}\b", message)]
    return dict.fromkeys(named, message) if len(named) == 1 else {}


def _without(
    body: dict[str, Any], refused: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return a template without resources, and without those that refer to them."""
    from emulator.stack import graph

    lost = dict(refused)
    left = {n: _free(r, lost) for n, r in body["Resources"].items() if n not in lost}
    while True:
        gone = {
            name: needed[0]
            for name, resource in left.items()
            if (needed := sorted(set(graph.references(resource)) & lost.keys()))
        }
        if not gone:
            break
        lost |= {name: f"it needs {needed}, which can't be had" for name, needed in gone.items()}
        left = {n: r for n, r in left.items() if n not in gone}
    outputs = {
        name: output
        for name, output in (body.get("Outputs") or {}).items()
        if not set(graph.references(output)) & lost.keys()
    }
    return {**body, "Resources": left, "Outputs": outputs}, lost


def _free(resource: Any, lost: Mapping[str, str]) -> Any:
    """Return a resource that does not wait for what is lost."""
    named = resource.get("DependsOn") if isinstance(resource, dict) else None
    names = [named] if isinstance(named, str) else named
    if not isinstance(names, list) or not any(name in lost for name in names):
        return resource
    return {**resource, "DependsOn": [name for name in names if name not in lost]}


def _as_text(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


class _NoResources:
    """Before a stack is made no resource has a value."""

    def __contains__(self, logical: str) -> bool:
        return False

    def ref(self, logical: str) -> Any:
        raise TemplateError(f"Template error: {logical} is no parameter")

    def attribute(self, logical: str, name: str) -> Any:
        raise TemplateError(f"Template error: {logical} is no parameter")
