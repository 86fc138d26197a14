"""The cases of the sweep over resource types, by service; every served type has one."""

from __future__ import annotations

from tests.api.kind_cases import (
    data,
    events,
    functions,
    http_apis,
    identities,
    messages,
    rest_apis,
    secrets,
    watching,
)
from tests.api.kind_cases.case import Case as Case

_PARTS = (
    data,
    events,
    functions,
    http_apis,
    identities,
    messages,
    rest_apis,
    secrets,
    watching,
)
CASES: dict[str, Case] = {
    kind: case for part in _PARTS for kind, case in sorted(part.CASES.items())
}
