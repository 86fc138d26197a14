"""Functions in bare folders: a file of a conventional name that defines a handler."""

from __future__ import annotations

import re
from pathlib import Path

from emulator.model.errors import ConfigurationError
from emulator.model.limits import MB_PER_VCPU
from emulator.stack.declarations import FunctionDeclaration

#: Files that make a folder a function, the most specific first, and their runtimes.
_CONVENTIONS = {
    "app.py": "python3.12",
    "lambda_function.py": "python3.12",
    "handler.py": "python3.12",
    "main.py": "python3.12",
    "index.js": "nodejs20.x",
    "index.mjs": "nodejs20.x",
    "index.ts": "nodejs22.x",
    "index.mts": "nodejs22.x",
    "app.ts": "nodejs22.x",
}
_HANDLER_NAMES = ("handler", "lambda_handler")
_PYTHON_HANDLER = r"^(?:async\s+)?(?:def\s+)?{name}\b\s*[(=:]"
_NODE_HANDLER = (
    r"\bexports\.{name}\s*=|^export\s+(?:const|let|var|(?:async\s+)?function)\s+{name}\b"
    r"|^export\s*\{{[^}}]*\b{name}\b|\bmodule\.exports\s*=\s*\{{[^}}]*\b{name}\b"
)
_NOT_FUNCTIONS = {"node_modules", "__pycache__"}


class NoFunction(ConfigurationError):
    """A folder has no function."""


def read(root: Path, templates: tuple[str, ...]) -> tuple[list[FunctionDeclaration], list[str]]:
    """Return the functions in ``root`` and in the folders directly below it, and notes.

    Each note says why a folder that looks like a function is left out.

    Args:
        root: The folder.
        templates: The names of template files, for the error text.

    Raises:
        NoFunction: There is none.
        ConfigurationError: A folder can't be read, or none can name a function.
    """
    root = root.resolve()
    try:
        folders = [root, *sorted(item for item in root.iterdir() if item.is_dir())]
    except OSError as error:
        raise ConfigurationError(f"{root} can't be read: {error.strerror}") from error
    found: list[FunctionDeclaration] = []
    left_out: list[str] = []
    for folder in folders:
        if folder.name in _NOT_FUNCTIONS or folder.name.startswith("."):
            continue
        try:
            declaration = _convention(folder)
        except OSError as error:
            raise ConfigurationError(f"{folder} can't be read: {error.strerror}") from error
        if declaration is None:
            continue
        if re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", declaration.name):
            found.append(declaration)
        else:
            left_out.append(
                f"{folder} can't name a function: letters, digits, - and _ only, at most 64"
            )
    if not found and left_out:
        raise ConfigurationError("; ".join(left_out))
    if not found:
        raise NoFunction(
            f"{root} holds no function: neither a template ({', '.join(templates)}) nor a folder"
            f" with one of {', '.join(_CONVENTIONS)} that defines {' or '.join(_HANDLER_NAMES)}"
        )
    return found, left_out


def _convention(folder: Path) -> FunctionDeclaration | None:
    for file, runtime in _CONVENTIONS.items():
        path = folder / file
        if not path.is_file():
            continue
        code = path.read_text("utf-8-sig", "replace")
        shape = _PYTHON_HANDLER if path.suffix == ".py" else _NODE_HANDLER
        for name in _HANDLER_NAMES:
            if not re.search(shape.format(name=name), code, re.MULTILINE):
                continue
            handler = f"{path.stem}.{name}"
            # No memory size is declared: take that of one whole vCPU, so that it is not slow.
            # Resolved, because a link would lead nowhere inside a sandbox.
            return FunctionDeclaration(
                name=folder.name,
                folder=folder.resolve(),
                handler=handler,
                runtime=runtime,
                memory_mb=MB_PER_VCPU,
            )
    return None
