"""How a container of an environment is started: pure functions over its spec and its image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from emulator.code.inside import LeadsElsewhere, is_there, locate
from emulator.driver.conventions import (
    INVALID_ENTRYPOINT,
    LD_LIBRARY_PATH,
    NO_BOOTSTRAP,
    WRAPPER,
)
from emulator.driver.docker import paths
from emulator.driver.docker.images import Plan
from emulator.driver.docker.responses import ImageInfo
from emulator.driver.languages.table import language, language_of
from emulator.model.debugging import DEBUG
from emulator.model.sandbox import EnvironmentSpec

#: Variables that belong to a container image rather than to the managed runtimes.
_IMAGE_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "LANG", "TZ")
#: Where a start command is looked up if its image sets no PATH (the engine's own default).
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#: e_machine of an ELF file (elf.h), at its byte 18.
_ELF_MACHINES = {"x86_64": 0x3E, "arm64": 0xB7}

#: Variables that a process reads at its start, for images that don't set them.
_STEM_ENVIRON = {
    "LANG": "en_US.UTF-8",
    "LC_CTYPE": "C.UTF-8",
    "LD_LIBRARY_PATH": LD_LIBRARY_PATH,
    "TZ": ":UTC",
}
#: Leaves nothing worth keeping in what a crash writes down, of which a container may have as many
#: bytes as on AWS. Runs the first interpreter there is, behind the user's wrapper if there is one.
#: The output of a stem cell goes to the driver directly; in one stream, which alone keeps its
#: order.
_ENTRY = f"""\
[ -p {paths.OUTPUT} ] && exec >{paths.OUTPUT}
exec 2>&1
{{ echo 0 >/proc/self/coredump_filter; }} 2>/dev/null
arguments=$1 options=$2; shift 2
if [ -n "${WRAPPER}" ]; then
  [ -f "${WRAPPER}" ] || {{ echo "${WRAPPER}: does not exist"; exit 127; }}
  [ -x "${WRAPPER}" ] || {{ echo "${WRAPPER}: is not an executable"; exit 126; }}
fi
for interpreter; do
  if command -v "$interpreter" >/dev/null; then
    [ -z "$options" ] || "$interpreter" $options -v >/dev/null 2>&1 || options=
    exec ${WRAPPER} "$interpreter" $options $arguments
  fi
done
echo "no interpreter here: $*"
exit 127
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerLaunch:
    """A start command, with all that goes with it."""

    entrypoint: Sequence[str]
    command: Sequence[str] = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    working_directory: str = paths.CODE
    #: The program that the user gave, and the PATH it is looked up on; both empty for our own
    #: bootstrap.
    executable: str = ""
    path: str = ""
    #: AWS's error type and text where there is nothing to start.
    error: tuple[str, str] | None = None


def is_stem(spec: EnvironmentSpec, plan: Plan) -> bool:
    """Say whether a process that has started already can become the environment."""
    known = language(plan.language)
    # A container's ports are published when it is made.
    if known is None or DEBUG in spec.environ:
        return False
    return not known.needs_fresh_process(spec.environ)


def stem(plan: Plan, image: ImageInfo, caller: str) -> ContainerLaunch:
    """Return how a stem cell is started; ``caller`` is where its bootstrap calls."""
    return ContainerLaunch(
        entrypoint=_entry(plan, {}, as_stem=True),
        environ={**_STEM_ENVIRON, **image.environ, paths.SOCKET_VARIABLE: caller},
        working_directory="/",
    )


def launch(
    spec: EnvironmentSpec, plan: Plan, image: ImageInfo, runtime_api: str
) -> ContainerLaunch:
    """Return how a container made for ``spec`` alone is started.

    Args:
        spec: The environment.
        plan: What it is made from; without a language the image brings its runtime client.
        image: What the engine knows of the image.
        runtime_api: The environment's listener as the container reaches it.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_ImageConfig.html (each of
    entrypoint, command and working folder overrides the image's own).
    """
    environ = {**spec.environ, "AWS_LAMBDA_RUNTIME_API": runtime_api}
    if spec.image:
        for name in set(_IMAGE_VARIABLES) & image.environ.keys():
            environ.pop(name, None)
        entrypoint = spec.image_config.entrypoint or image.entrypoint
        command = spec.image_config.command or image.command
        words = [*entrypoint, *command]
        if not words:
            # An engine refuses to make such a container: that is no fault of the engine's.
            error = (INVALID_ENTRYPOINT, "fork/exec : no such file or directory")
            return ContainerLaunch(entrypoint=[], error=error)
        return ContainerLaunch(
            entrypoint=entrypoint,
            command=command,
            environ=environ,
            working_directory=spec.image_config.working_directory,
            executable=words[0],
            path=image.environ.get("PATH", _PATH),
        )
    known = language_of(spec.runtime)
    if known is not None and known.brings_program:
        return _provided(spec, environ)
    if plan.language:
        return ContainerLaunch(entrypoint=_entry(plan, environ, as_stem=False), environ=environ)
    return ContainerLaunch(entrypoint=image.entrypoint, command=[spec.handler], environ=environ)


def _entry(plan: Plan, environ: Mapping[str, str], *, as_stem: bool) -> list[str]:
    found = language(plan.language)
    assert found is not None
    assert found.container is not None
    start = found.container
    arguments = (start.stem if as_stem else start.alone).format(folder=paths.BOOTSTRAP)
    interpreters = dict.fromkeys(each.format(version=plan.version) for each in start.interpreters)
    options = " ".join(found.container_options(environ))
    return ["/bin/sh", "-c", _ENTRY, "localfaas", arguments, options, *interpreters]


def _provided(spec: EnvironmentSpec, environ: Mapping[str, str]) -> ContainerLaunch:
    """A custom runtime: the code's own ``bootstrap``, else a layer's."""
    assert spec.code is not None
    roots = {paths.CODE: [spec.code], paths.LAYERS: list(reversed(spec.layers))}
    for inside in (f"{target}/bootstrap" for target in roots):
        if is_there(inside, roots):
            reason = _refusal(inside, roots, spec.architecture)
            error = (INVALID_ENTRYPOINT, f"fork/exec {inside}: {reason}") if reason else None
            return ContainerLaunch(
                entrypoint=[inside], environ=environ, executable=inside, error=error
            )
    return ContainerLaunch(entrypoint=[], error=(INVALID_ENTRYPOINT, NO_BOOTSTRAP))


def _refusal(inside: str, roots: Mapping[str, Sequence[Path]], architecture: str) -> str:
    """Return why the kernel would not execute a file; empty if it would, as far as is known."""
    try:
        file = locate(inside, roots)
    except LeadsElsewhere:
        return ""
    assert file is not None
    if not file.stat().st_mode & 0o111:
        return "permission denied"
    with file.open("rb") as opened:
        head = opened.read(20)
    if head.startswith(b"#!"):
        return ""
    machine = int.from_bytes(head[18:20], "little") if head.startswith(b"\x7fELF") else -1
    return "" if machine == _ELF_MACHINES[architecture] else "exec format error"
