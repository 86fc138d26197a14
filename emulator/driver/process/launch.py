"""From what is to run to how: the program, its environment and its mounts, as plain data."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emulator.code.inside import is_there
from emulator.driver.conventions import (
    EXTENSIONS,
    INVALID_ENTRYPOINT,
    LD_LIBRARY_PATH,
    NO_BOOTSTRAP,
    WRAPPER,
    extension_environ,
    find_extensions,
)
from emulator.driver.languages.base import EMPTY, Language, Seen, StemKind
from emulator.driver.process.interpreters import Choice
from emulator.driver.process.layout import PACKAGES, RUNTIME, place_of
from emulator.model.debugging import DEBUG
from emulator.model.sandbox import EnvironmentSpec

#: Variables with places to look in.
_PATHS = (
    "PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "NODE_PATH", "GEM_HOME", "GEM_PATH", "RUBYLIB",
    "SSL_CERT_FILE",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """Where a runtime finds things: Lambda's own places, or the host's without namespaces."""

    task: str = "/var/task"
    #: The folders that are /opt, uppermost first.
    opt: tuple[str, ...] = ("/opt",)
    tmp: str = "/tmp"
    runtime: str = "/var/runtime"
    #: The packages that the Python runtime brings.
    packages: str = ""

    def translate(self, value: str) -> str:
        """Return a value, or list of paths, with Lambda's places replaced by these."""
        if self.task == "/var/task":
            return value
        return ":".join(part for entry in value.split(":") for part in self._places(entry))

    def _places(self, entry: str) -> list[str]:
        for own, places in (
            ("/var/task", (self.task,)),
            ("/opt", self.opt),
            ("/var/runtime", (self.runtime,)),
        ):
            if entry == own or entry.startswith(own + "/"):
                return [place + entry[len(own) :] for place in places]
        return [entry]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessLaunch:
    """How one environment is started."""

    #: What will do that was started ahead of use; None where nothing will.
    stem: StemKind | None
    environ: dict[str, str]
    paths: Paths
    handler: str
    #: The command of a runtime that need not be started ahead of its order.
    argv: tuple[str, ...] = ()
    #: argv[0] is the user's own wrapper script.
    wrapped: bool = False
    #: The runtime speaks on the channel rather than with AWS_LAMBDA_RUNTIME_API.
    channel: bool = True
    #: Why there is nothing to start; AWS's own error type and text.
    error: tuple[str, str] | None = None
    mounts: list[list[Any]] = field(default_factory=list)
    #: By name, the program of each extension.
    extensions: dict[str, str] = field(default_factory=dict)
    #: The sources of mounts that have to be shown as the sandbox's user's own.
    private: list[str] = field(default_factory=list)

    @property
    def early(self) -> bool:
        """Whether the runtime is up before its order comes, however late it is started."""
        return not self.argv and self.error is None

    def order(self, limits: dict[str, int]) -> dict[str, Any]:
        """Return the warden's specialise order."""
        line = {
            "environ": self.environ,
            "cwd": self.paths.task,
            "handler": self.handler,
            "opt": self.paths.opt,
            "packages": self.paths.packages,
            "limits": limits,
        }
        beside = {}
        if self.extensions:
            beside = {
                "extensions": self.extensions,
                "extension_environ": extension_environ(self.environ),
            }
        return beside | {
            "mounts": self.mounts,
            "private": self.private,
            "limits": limits,
            "line": json.dumps(line),
            "argv": self.argv,
            "environ": self.environ,
            "cwd": self.paths.task,
            "wrapped": self.wrapped,
        }


def plan(
    spec: EnvironmentSpec,
    choice: Choice,
    *,
    bootstrap: str,
    jailed: bool,
    tmp: Path | None,
    state: Path,
) -> ProcessLaunch:
    """Return how to start ``spec``.

    Args:
        spec: What to start; ``spec.code`` is a folder.
        choice: The interpreter that serves it.
        bootstrap: "localfaas" or "awslambdaric".
        jailed: There are namespaces: everything is at Lambda's own place.
        tmp: The host's folder that is the sandbox's /tmp; None where that is a disk.
        state: The driver's own folder.
    """
    layers = [str(layer) for layer in reversed(spec.layers)]
    if jailed:
        paths = Paths(packages=_packages(choice))
    else:
        paths = Paths(
            task=str(spec.code),
            opt=tuple(layers),
            tmp=str(tmp),
            runtime=str(state / RUNTIME),
            packages=str(state / PACKAGES / choice.interpreter.runtime)
            if choice.interpreter
            else "",
        )
    environ = _environ(spec, choice, paths, jailed=jailed)
    environ |= choice.language.at_start(environ)
    common: dict[str, Any] = {
        "environ": environ,
        "paths": paths,
        "handler": spec.handler,
        "extensions": {
            name: f"{'/opt' if jailed else layer}/{EXTENSIONS}/{name}"
            for name, layer in find_extensions(list(reversed(spec.layers))).items()
        },
        "mounts": _mounts(spec, layers, tmp) if jailed else [],
        "private": sorted(map(str, spec.private)) if jailed else [],
    }
    if choice.language.brings_program:
        return _provided(spec, common)
    official = choice.language.has_official_client and bootstrap == "awslambdaric"
    seen = _seen(spec, choice, environ, paths, jailed=jailed)
    if own := choice.language.own_command(seen):
        if jailed and own.runtime:
            common["mounts"].append(_joined(list(map(str, own.runtime)), paths.runtime))
        return _behind_wrapper(own.argv, environ, channel=False, common=common)
    search_path = json.dumps({"opt": paths.opt, "packages": paths.packages})
    arguments, channel = choice.language.command(
        paths.runtime,
        official=official,
        search_path="" if jailed else search_path,
        handler=spec.handler,
    )
    stem: StemKind | None = choice.language.stem(seen.interpreter, environ)
    options = choice.language.options(seen.interpreter, environ)
    if choice.language.debugs_by_option:
        environ.pop(DEBUG, None)
    fresh = official or _needs_fresh_process(choice.language, environ, jailed=jailed)
    if not fresh and choice.language.has_stem_cells:
        return ProcessLaunch(stem=stem, **common)
    if fresh and stem != EMPTY:
        stem = None
    command = [seen.program, *options, *arguments]
    return _behind_wrapper(command, environ, channel=channel, common={**common, "stem": stem})


def _behind_wrapper(
    command: list[str], environ: dict[str, str], *, channel: bool, common: dict[str, Any]
) -> ProcessLaunch:
    """Return the launch of a command, by the user's own wrapper if there is one."""
    wrapper = environ.get(WRAPPER)
    if wrapper:
        command = [common["paths"].translate(wrapper), *command]
    return ProcessLaunch(
        argv=tuple(command), wrapped=bool(wrapper), channel=channel, **{"stem": EMPTY, **common}
    )


def _seen(
    spec: EnvironmentSpec, choice: Choice, environ: dict[str, str], paths: Paths, *, jailed: bool
) -> Seen:
    assert choice.interpreter is not None
    assert spec.code is not None
    return Seen(
        interpreter=choice.interpreter,
        program=program_inside(choice, jailed=jailed),
        handler=spec.handler,
        environ=environ,
        code=spec.code,
        task=paths.task,
        roots=_roots(spec, paths),
        runtime=paths.runtime if jailed else "",
    )


def _roots(spec: EnvironmentSpec, paths: Paths) -> dict[str, list[Path]]:
    """Return what a sandbox has at the folders of code and layers."""
    assert spec.code is not None
    if len(paths.opt) > 1:
        return {place: [Path(place)] for place in (paths.task, *paths.opt)}
    roots = {paths.task: [spec.code]}
    return roots | {place: list(reversed(spec.layers)) for place in paths.opt}


def _mounts(spec: EnvironmentSpec, layers: list[str], tmp: Path | None) -> list[list[Any]]:
    """Return what the warden mounts, as [kind, source, target]; layers are uppermost first."""
    mounts: list[list[Any]] = [] if tmp is None else [["rw", str(tmp), "/tmp"]]
    mounts.append(["ro", str(spec.code), "/var/task"])
    if layers:
        mounts.append(_joined(layers, "/opt"))
    return mounts


def _joined(folders: list[str], target: str) -> list[Any]:
    """Return the mount that shows folders as one; they are uppermost first."""
    if len(folders) == 1:
        return ["ro", folders[0], target]
    return ["overlay", folders, target]


def program_inside(choice: Choice, *, jailed: bool) -> str:
    """Return where the interpreter is for a sandbox."""
    interpreter = choice.interpreter
    assert interpreter is not None
    place = place_of(choice.language, interpreter.prefix)
    if jailed and place:
        return f"{place}/{interpreter.executable.relative_to(interpreter.prefix)}"
    return str(interpreter.executable)


def _environ(
    spec: EnvironmentSpec, choice: Choice, paths: Paths, *, jailed: bool
) -> dict[str, str]:
    environ = dict(spec.environ)
    if spec.runtime_api:
        environ["AWS_LAMBDA_RUNTIME_API"] = spec.runtime_api
    if jailed:
        return environ
    if choice.interpreter is not None:
        environ |= choice.language.variables_outside(choice.interpreter)
    for name in _PATHS:
        if name in environ:
            environ[name] = paths.translate(environ[name])
    environ["LAMBDA_TASK_ROOT"] = paths.task
    environ["LAMBDA_RUNTIME_DIR"] = paths.runtime
    environ["TMPDIR"] = paths.tmp
    if "PWD" in environ:
        environ["PWD"] = paths.task
    return environ


def _needs_fresh_process(language: Language, environ: dict[str, str], *, jailed: bool) -> bool:
    if language.needs_fresh_process(environ):
        return True
    wanted = environ.get("LD_LIBRARY_PATH", LD_LIBRARY_PATH)
    return jailed and ":".join(dict.fromkeys(wanted.split(":"))) != LD_LIBRARY_PATH


def _packages(choice: Choice) -> str:
    if choice.interpreter is None:
        return ""
    return choice.language.packages_folder(choice.interpreter.release)


def _provided(spec: EnvironmentSpec, common: dict[str, Any]) -> ProcessLaunch:
    """A custom runtime: the code's own ``bootstrap``, else a layer's."""
    paths: Paths = common["paths"]
    roots = _roots(spec, paths)
    for inside in (f"{place}/bootstrap" for place in roots):
        if is_there(inside, roots):
            return ProcessLaunch(stem=EMPTY, argv=(inside,), channel=False, **common)
    return ProcessLaunch(
        stem=EMPTY,
        channel=False,
        error=(INVALID_ENTRYPOINT, NO_BOOTSTRAP),
        **common,
    )
