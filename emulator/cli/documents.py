"""What commands are given as an event, a payload or a message: in place, in a file, or on stdin."""

from __future__ import annotations

import sys
from pathlib import Path

from emulator.cli.terminal import CommandError

#: The forms :func:`read_document` takes, for the help of options.
FORMS = "JSON, FILE or @FILE, or - for stdin"


def read_document(given: str, what: str, *, otherwise: str = "") -> bytes:
    """Return the document that an argument of a command stands for.

    ``-`` stands for what stdin gives, ``@FILE`` for what the file holds; both may hold anything.
    JSON stands for itself. Anything else is taken for a path.

    Args:
        given: The argument.
        what: The name of the document, for errors: "event".
        otherwise: What else its user can do, for errors: a sentence.

    Raises:
        CommandError: It is none of these.
    """
    if given == "-":
        return sys.stdin.buffer.read()
    if given.startswith("@"):
        return _file(Path(given[1:]))
    problem = _problem_as_json(given)
    if not problem:
        return given.encode("utf-8", "surrogateescape")
    path = Path(given)
    if given and _is_there(path):
        return _file(path)
    if given.lstrip().startswith(("{", "[", '"')):
        raise CommandError(f"the {what} is not valid JSON: {problem}. {otherwise}".rstrip())
    raise CommandError(
        f"the {what} {given!r} is neither JSON nor a file that exists: give {FORMS}. "
        f"{otherwise}".rstrip()
    )


def _problem_as_json(text: str) -> str:
    """Return why ``text`` is not JSON; empty if it is."""
    import json

    try:
        # Numbers stay text: Python refuses to convert very long ones.
        json.loads(text, parse_int=str, parse_float=str)
    except RecursionError:
        return ""  # nested so deeply that the emulator has to judge
    except ValueError as failure:
        return str(failure)
    return ""


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # too long for a name
        return False


def _file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as failure:
        raise CommandError(f"can't read {path}: {failure.strerror}") from failure
