"""Forms with a file that streams: the fields before it, then its bytes as they come.

https://www.rfc-editor.org/rfc/rfc7578
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from emulator.edge.router import Receive
from emulator.model.errors import AwsError

#: The most bytes of all fields, as on AWS.
_LARGEST_FIELDS = 20_000
#: The most bytes of the headers of one part.
_LARGEST_HEAD = 4_000

#: RFC 2046 has 70 characters, the parser 256.
_LONGEST_BOUNDARY = 256


class Form:
    """A form that is being read.

    Args:
        content_type: The request's header.
        receive: ASGI's.

    Attributes:
        fields: Those before the file, by their names in lower case; "file" is the file's name.

    Raises:
        AwsError: MalformedPOSTRequest: the header names no boundary.
    """

    def __init__(self, content_type: bytes, receive: Receive) -> None:
        boundary = parse_options_header(content_type)[1].get(b"boundary")
        if not boundary or len(boundary) > _LONGEST_BOUNDARY:
            raise _malformed()
        self._receive = receive
        self.fields: dict[str, str] = {}
        self._head: dict[bytes, bytes] = {}
        self._header, self._value = b"", b""
        self._name = ""
        self._content = b""
        self._size = 0
        self._ended = False
        #: Of the file, not asked for yet.
        self._pieces: list[bytes] = []
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._add_to_header,
                "on_header_value": self._add_to_value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._end_head,
                "on_part_data": self._add,
                "on_part_end": self._end_part,
                "on_end": self._end,
            },
        )

    @property
    def has_file(self) -> bool:
        """Whether the file has begun."""
        return "file" in self.fields

    async def read_fields(self) -> None:
        """Read on until the file begins, or the form ends.

        Raises:
            AwsError: It is no form, too large, or the client has gone.
        """
        while not self.has_file and not self._ended:
            await self._feed()

    async def file(self) -> AsyncIterator[bytes]:
        """Yield what the file holds.

        Raises:
            AwsError: As of :meth:`read_fields`.
        """
        while True:
            pieces, self._pieces = self._pieces, []
            for piece in pieces:
                yield piece
            if self._ended:
                return
            await self._feed()

    async def _feed(self) -> None:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise AwsError("IncompleteBody", "The client has gone.", status=400)
        try:
            self._parser.write(message.get("body", b""))
        except FormParserError:
            raise _malformed() from None
        if not self._ended and not message.get("more_body"):
            raise _malformed()

    def _begin(self) -> None:
        self._head, self._content = {}, b""

    def _add_to_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]
        self._bound(len(self._header), _LARGEST_HEAD)

    def _add_to_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        self._bound(len(self._value), _LARGEST_HEAD)

    def _end_header(self) -> None:
        self._head[self._header.lower()] = self._value
        self._header, self._value = b"", b""
        self._bound(len(self._head), 100)

    def _end_head(self) -> None:
        options = parse_options_header(self._head.get(b"content-disposition", b""))[1]
        self._name = options.get(b"name", b"").decode("utf-8", "replace").lower()
        if self.has_file:
            self._name = ""  # what comes behind the file is not looked at
        elif self._name == "file":
            self.fields["file"] = options.get(b"filename", b"").decode("utf-8", "replace")

    def _add(self, data: bytes, start: int, end: int) -> None:
        if self._name == "file":
            self._pieces.append(data[start:end])
        elif not self.has_file:
            self._content += data[start:end]
            self._size += end - start
            self._bound(self._size, _LARGEST_FIELDS)

    def _end_part(self) -> None:
        if self._name and self._name != "file":
            self.fields[self._name] = self._content.decode("utf-8", "replace")

    def _end(self) -> None:
        self._ended = True

    def _bound(self, size: int, most: int) -> None:
        if size > most:
            raise AwsError(
                "MaxPostPreDataLengthExceeded",
                "Your POST request fields preceeding the upload file was too large.",
                status=400,
                MaxPostPreDataLengthBytes=str(_LARGEST_FIELDS),
            )


def _malformed() -> AwsError:
    return AwsError(
        "MalformedPOSTRequest",
        "The body of your POST request is not well-formed multipart/form-data.",
        status=400,
    )
