"""The types that the protocols share: parsers, serialisers, responses, bodies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from emulator.wire.model import Shape

#: Names in lower case.
Headers = list[tuple[bytes, bytes]]
#: Status, headers, body: bytes, or an async iterator of bytes where the operation's response
#: streams. Close the iterator if you do not read it to its end.
Response = tuple[int, Headers, Any]
#: (path labels, query string, headers, body) → request. The body is bytes; for operations whose
#: request streams it may be an async iterator of bytes.
Parser = Callable[[Mapping[str, str], str, Mapping[str, str], Any], dict[str, Any]]
#: (result, request id) → response.
Serialiser = Callable[[Mapping[str, Any], str], Response]


class Body(Protocol):
    """Whole bodies of one service in one format; see :class:`emulator.wire.json_body.JsonBody`."""

    #: The content type of bodies, and of events in a stream.
    content_type: str
    event_content_type: str

    def reader(self, name: str) -> Callable[[bytes], Any]:
        """Return the parser of a body that is one shape."""
        ...

    def members_reader(self, shape: Shape, names: Iterable[str]) -> Callable[[bytes], Any]:
        """Return the parser of a body with some of a structure's members."""
        ...

    def writer(self, reference: Shape) -> Callable[[Any], bytes]:
        """Return the serialiser of a body that is one shape.

        Args:
            reference: The member that has the shape, or any other reference to it.
        """
        ...

    def members_writer(
        self, shape: Shape, names: Iterable[str], root: str
    ) -> Callable[[Mapping[str, Any]], bytes]:
        """Return the serialiser of a body with some of a structure's members.

        Args:
            shape: The structure.
            names: The members.
            root: The name of the operation or shape that the body belongs to.
        """
        ...
