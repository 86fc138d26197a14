"""Host names of APIs: the user's own ones, and those that API Gateway gives by an API's id."""

from __future__ import annotations

from collections import Counter


class CustomHosts:
    """The custom host names of all services. A name may be held by more than one owner.

    Attributes:
        apis: The ids of all APIs: AWS's address of one means it.
    """

    def __init__(self) -> None:
        self.apis: set[str] = set()
        self._names: Counter[str] = Counter()

    def add(self, name: str) -> None:
        """Answer to a name, or with ``*.`` in front to every name one label below it."""
        self._names[name.lower()] += 1

    def remove(self, name: str) -> None:
        """Take back one :meth:`add`."""
        self._names[name.lower()] -= 1
        if self._names[name.lower()] <= 0:
            del self._names[name.lower()]

    def find(self, host: bytes) -> str | None:
        """Return which of the names a ``Host`` header means, if one.

        Args:
            host: With or without a port.
        """
        if not self._names:
            return None
        name = host.decode("latin-1").lower().partition(":")[0]
        if name in self._names:
            return name
        wildcard = f"*.{name.partition('.')[2]}"
        return wildcard if wildcard in self._names else None
