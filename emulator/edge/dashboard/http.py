"""What a page is asked with, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from emulator import __version__

HTML = "text/html; charset=utf-8"

#: Nothing from elsewhere, no script or style within a page, and no frame around it.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
#: Clients know by the version that it is the emulator that answers.
COMMON_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"x-localfaas-version", __version__.encode()),
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


@dataclass(frozen=True, slots=True)
class PageRequest:
    """One request of a page.

    Attributes:
        query: The parameters in the address; the last one of a name counts.
        form: The fields of a form that was sent.
        path_values: What the route's pattern found in the path.
        if_none_match: The tag of what the browser has already.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    path_values: Mapping[str, str] = field(default_factory=dict)
    #: Where the browser reached the emulator.
    endpoint: str = ""
    #: htmx asks: a part of the page is enough.
    wants_part: bool = False
    if_none_match: str = ""


@dataclass(frozen=True, slots=True)
class PageResponse:
    """What is answered."""

    body: bytes
    status: int = 200
    content_type: str = HTML
    headers: tuple[tuple[bytes, bytes], ...] = ()


class PageError(Exception):
    """A page that can't be shown.

    Args:
        status: The HTTP status.
        message: Why, for people.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def parse_fields(text: str) -> dict[str, str]:
    """Return the fields of a query or a form."""
    return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=200))
