"""What parsers take and serialisers give: the types that the protocols share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

#: Names in lower case.
Headers = list[tuple[bytes, bytes]]
#: Status, headers, body: bytes, or an async iterator of bytes where the operation's response
#: streams. Close that one when it is not read to its end.
Response = tuple[int, Headers, Any]
#: (path labels, query string, headers, body) → request. The body is bytes; for operations whose
#: request streams it may be an async iterator of bytes.
Parser = Callable[[Mapping[str, str], str, Mapping[str, str], Any], dict[str, Any]]
#: (result, request id) → response.
Serialiser = Callable[[Mapping[str, Any], str], Response]
