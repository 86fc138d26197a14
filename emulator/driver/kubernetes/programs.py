"""What is executed in a pod: command lines, as pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from emulator.driver.conventions import WRAPPER
from emulator.driver.kubernetes.pod import BOOTSTRAP_FOLDER, HOME
from emulator.driver.kubernetes.sandbox import Plan
from emulator.driver.languages.base import ContainerStart
from emulator.driver.languages.table import language

#: Runs the first interpreter there is with the loader, whose text comes first.
_FIRST_LINES = """\
loader=$1 place=$2 options=$3 exec=$4; shift 4
for interpreter; do
  if command -v "$interpreter" >/dev/null; then
    $exec "$interpreter" $options "$loader" "$place"
    exit
  fi
done
echo "no interpreter here: $*"
exit 127
"""
#: The same with the bootstrap, behind the user's wrapper if there is one.
_PROGRAM = f"""\
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


def container_of(plan: Plan) -> ContainerStart:
    """Return how a plan's language is started in a container."""
    found = language(plan.language)
    assert found is not None
    assert found.container is not None
    return found.container


def stem_command(plan: Plan, loader: Path, place: str) -> list[str]:
    """Return the command of a stem cell.

    Args:
        plan: What it is.
        loader: The file of its first lines.
        place: Where it calls or listens, and its token.
    """
    start = container_of(plan)
    return ["/bin/sh", "-c", _FIRST_LINES, "localfaas", loader.read_text(), place, start.loader,
            "" if start.shell_stays else "exec", *_interpreters(plan)]  # fmt: skip


def program(plan: Plan, environ: Mapping[str, str], handler: str) -> tuple[list[str], bool]:
    """Return the command line of a runtime that starts for one function alone.

    And whether it speaks on its channel: else it calls its listener.
    """
    found = language(plan.language)
    assert found is not None
    folder = f"{HOME}/{BOOTSTRAP_FOLDER}"
    arguments, on_channel = found.command(folder, handler=handler, official=False, search_path="")
    options = " ".join(found.container_options(environ))
    command = ["/bin/sh", "-c", _PROGRAM, "localfaas", " ".join(arguments), options]
    return [*command, *_interpreters(plan)], on_channel


def _interpreters(plan: Plan) -> Sequence[str]:
    start = container_of(plan)
    return list(dict.fromkeys(each.format(version=plan.version) for each in start.interpreters))
