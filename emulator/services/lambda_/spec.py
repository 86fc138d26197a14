"""Lambda, in data."""

from __future__ import annotations

from emulator.services.spec import ServiceSpec

SPEC = ServiceSpec(
    model="lambda",
    title="Lambda",
    traced_otherwise=("Invoke", "InvokeAsync", "InvokeWithResponseStream"),
    protocols=("rest-json",),
    signing_names=("lambda",),
    arn_name="lambda",
    # The paths of the API begin with the date of their version.
    path=r"/20\d\d-\d\d-\d\d/.*",
    template_prefix="AWS::Lambda",
    modules=("authorization", "state", "kinds", "delivers", "wire", "wires"),
    loads_at_start=True,
    opens_at_start=True,
)
