"""The routes of APIs as they are shown to people."""

from __future__ import annotations

from typing import NamedTuple


class ShownRoute(NamedTuple):
    """A route of an API."""

    method: str
    path: str
    #: The function's name, or the address it leads to.
    target: str
    #: "" where anybody may call it.
    auth: str


class ShownApi(NamedTuple):
    """An API with its routes. A state that has APIs returns them by ``shown_apis()``."""

    name: str
    #: Where it is reached, with its stage.
    url: str
    routes: list[ShownRoute]
