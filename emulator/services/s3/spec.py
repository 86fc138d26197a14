"""S3, in data."""

from __future__ import annotations

from emulator.services.spec import ServiceSpec

#: "s3", "s3.eu-west-1", "s3.dualstack.eu-west-1", "s3-eu-west-1"
_S3 = r"s3(?:[.-](?:dualstack|fips|accelerate|[a-z]{2}(?:-[a-z]+)+-\d))*"
_LOCAL = r"(?:localhost|amazonaws\.com|localhost\.localstack\.cloud)"

SPEC = ServiceSpec(
    model="s3",
    title="S3",
    origin="AWS::S3::Bucket",
    protocols=("rest-xml",),
    # WriteGetObjectResponse has a name of its own.
    signing_names=("s3", "s3-object-lambda"),
    arn_name="s3",
    signed_by_version_2=True,
    # S3's host, or a bucket's own: "bucket.s3.localhost", "bucket.localhost".
    host=rf"(?:(?P<prefix>(?!{_S3}\.{_LOCAL})[a-z0-9][a-z0-9.-]{{1,61}}?[a-z0-9])\.)?"
    rf"(?P<named>{_S3}\.)?{_LOCAL}(?::\d+)?",
    keeps_names=True,
    template_prefix="AWS::S3",
    # Buckets with a lifecycle or with notifications have work to do.
    opens_for=("s3-lifecycle",),
    modules=("authorization", "delivers", "kinds", "state", "wire", "wires"),
)
