"""Cloud Control, in data."""

from __future__ import annotations

from emulator.services.spec import ServiceSpec

SPEC = ServiceSpec(
    model="cloudcontrol",
    title="Cloud Control",
    protocols=("json",),
    signing_names=("cloudcontrolapi",),
    target_prefix="CloudApiService",
    modules=("wire",),
)
