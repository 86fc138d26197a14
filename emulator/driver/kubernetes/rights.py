"""The rights that the Kubernetes driver needs in its namespace, as rules of a Role.

``deploy/kubernetes/base/rights.yaml`` grants these and no others; a test keeps it so. Code of
functions travels on the connections of their pods: no right to read secrets, nor to ``pods/exec``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Right(NamedTuple):
    """The verbs that one kind of object needs, all of them in the core API group."""

    #: With its subresource: "pods/log".
    resource: str
    verbs: tuple[str, ...]
    #: What it is for; completes "without it …".
    without: str
    #: Whether there are no functions without it.
    needed: bool = True

    @property
    def rule(self) -> str:
        """The rule as a line of YAML, an item of a Role's ``rules``."""
        verbs = ", ".join(self.verbs)
        return f'- {{apiGroups: [""], resources: [{self.resource}], verbs: [{verbs}]}}'


#: In the order in which they are shown.
RIGHTS = (
    Right(
        "pods",
        ("create", "get", "list", "watch", "patch", "delete"),
        "no function runs",
    ),
    Right("pods/log", ("get",), "image functions have no logs"),
    Right(
        "secrets",
        ("create", "delete"),
        "no function of an image runs: its variables are kept in one",
        needed=False,
    ),
    Right(
        "pods/resize",
        ("patch",),
        "functions may use what CPU their node has free",
        needed=False,
    ),
    Right(
        "pods/portforward",
        ("create", "get"),
        "functions run only where pods reach the emulator by an address",
        needed=False,
    ),
    Right(
        "configmaps",
        ("create", "delete"),
        "pods of an emulator that was killed stay until it starts again",
        needed=False,
    ),
)


def missing(allowed: Iterable[tuple[str, str]]) -> list[Right]:
    """Return the rights that are not wholly there, each with the verbs that it lacks.

    Args:
        allowed: Resources and verbs that are.
    """
    have = set(allowed)
    found = []
    for right in RIGHTS:
        verbs = tuple(verb for verb in right.verbs if (right.resource, verb) not in have)
        if verbs:
            found.append(right._replace(verbs=verbs))
    return found
