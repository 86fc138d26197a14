"""Every public method says what it does, where it is declared first."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import emulator

ROOT = Path(emulator.__file__).parent
#: Bases that declare no methods of their own.
_PLAIN = {"ABC", "Enum", "Generic", "IntEnum", "NamedTuple", "Protocol", "StrEnum"}


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the statements below a node: there are far fewer of them than of all nodes."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
            yield child
            yield from _statements(child)


def _foreign_names(tree: ast.Module) -> set[str]:
    """Return the names that a module imports from other packages than ours."""
    found = set()
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            found |= {each.asname or each.name.partition(".")[0] for each in node.names}
        elif isinstance(node, ast.ImportFrom) and not (node.module or "").startswith("emulator"):
            found |= {each.asname or each.name for each in node.names}
    return found - _PLAIN - {"emulator"}


def _methods() -> Iterator[tuple[str, str, bool]]:
    """Yield (name, place, documented) of the public methods of public classes of our own.

    What implements a class of another package is documented there.
    """
    for path in sorted(ROOT.rglob("*.py")):
        tree = ast.parse(path.read_text())
        foreign = _foreign_names(tree)
        for node in _statements(tree):
            if not isinstance(node, ast.ClassDef) or node.name.startswith("_"):
                continue
            if any(ast.unparse(base).partition(".")[0] in foreign for base in node.bases):
                continue
            for member in node.body:
                if isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef):
                    place = f"{path.relative_to(ROOT)}:{member.lineno} {node.name}.{member.name}"
                    if not member.name.startswith("_"):
                        yield member.name, place, ast.get_docstring(member) is not None


def test_every_public_method_says_what_it_does() -> None:
    """By itself, or by the method of that name in the class or protocol that declares it."""
    methods = list(_methods())
    documented = {name for name, _, is_documented in methods if is_documented}
    missing = [place for name, place, _ in methods if name not in documented]
    assert not missing, "\n".join(missing)
