"""Joins the modules of a page into one script: one request instead of twenty.

There is no build step: the modules keep to the few forms of ``import`` and ``export`` that are read
here, each in a line of its own, and a test starts what comes out.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from posixpath import dirname, join, normpath

#: Returns a file by its path below ``static``.
Read = Callable[[str], bytes]

_IMPORT = re.compile(r'^import \{ ([^}]+) \} from "(\.[^"]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async )?(?:function\*?|const|class) (\w+))", re.MULTILINE)


def bundle(entry: str, read: Read) -> str:
    """Return a module and all that it imports as one classic script.

    Args:
        entry: The module's path below ``static``.
        read: Reads it and those that it imports.
    """
    modules: dict[str, str] = {}
    _collect(entry, read, modules)
    names = {path: f"$module{number}" for number, path in enumerate(modules)}
    return '"use strict";\n' + "".join(
        _wrapped(path, source, names) for path, source in modules.items()
    )


def _collect(path: str, read: Read, modules: dict[str, str]) -> None:
    """Add a module, after those that it imports."""
    source = read(path).decode()
    for _, target in _IMPORT.findall(source):
        imported = _resolve(path, target)
        if imported not in modules:
            _collect(imported, read, modules)
    modules[path] = source


def _resolve(path: str, target: str) -> str:
    return normpath(join(dirname(path), target))


def _wrapped(path: str, source: str, names: dict[str, str]) -> str:
    """Return a module as a function that runs once and returns what it exports."""
    exported = [name for _, name in _EXPORT.findall(source)]
    body = _IMPORT.sub(
        lambda match: f"const {{ {match[1]} }} = {names[_resolve(path, match[2])]};\n", source
    )
    body = _EXPORT.sub(r"\1", body)
    return f"const {names[path]} = (() => {{\n{body}\nreturn {{ {', '.join(exported)} }};\n}})();\n"
