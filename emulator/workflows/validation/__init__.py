"""What is wrong with a definition, as AWS says it: codes, sentences and places."""

from ..errors import Diagnostic
from ..json_text import Document
from .checker import Calls, Checker
from .graph import check_graph, check_names
from .machines import check_machine
from .scopes import check_scopes


def check(definition: Document, kind: str, calls: Calls | None = None) -> list[Diagnostic]:
    """Return the findings about a definition.

    Args:
        definition: The definition, parsed.
        kind: `STANDARD` or `EXPRESS`.
        calls: Tells what calls of services take; None: any call may be.
    """
    checker = Checker(kind, calls)
    check_machine(checker, definition, "", "JSONPath")
    if not checker.has_errors:
        check_names(checker, definition)
        check_graph(checker, definition, "")
    if not checker.has_errors:
        check_scopes(checker, definition)
    return checker.findings
