"""STS, in data."""

from __future__ import annotations

from emulator.services.spec import ServiceSpec

SPEC = ServiceSpec(
    model="sts",
    title="STS",
    protocols=("query",),
    signing_names=("sts",),
    query_version="2011-06-15",
    modules=("wire",),
)
