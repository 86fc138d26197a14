"""Secrets Manager, in data."""

from __future__ import annotations

from emulator.services.spec import ServiceSpec

SPEC = ServiceSpec(
    model="secretsmanager",
    title="Secrets Manager",
    protocols=("json",),
    signing_names=("secretsmanager",),
    arn_name="secretsmanager",
    target_prefix="secretsmanager",
    template_prefix="AWS::SecretsManager",
    modules=("authorization", "kinds", "state", "wire"),
)
