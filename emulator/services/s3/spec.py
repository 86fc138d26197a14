"""S3, in data."""

from __future__ import annotations

from emulator.services.spec import ServiceSpec

SPEC = ServiceSpec(
    model="s3",
    title="S3",
    protocols=("rest-xml",),
    signing_names=("s3",),
    arn_name="s3",
    signed_by_version_2=True,
    # A bucket's own host; without a signature it must say that it is S3's.
    host=r"(?P<prefix>[a-z0-9][a-z0-9.-]{1,61}?[a-z0-9])\.(?P<named>s3(?:[.-][a-z0-9-]+)*\.)?"
    r"(?:localhost|amazonaws\.com|localhost\.localstack\.cloud)(?::\d+)?",
    template_prefix="AWS::S3",
    modules=("kinds", "state", "wire"),
)
