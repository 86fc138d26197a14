"""Layers of AWS's own whose work is done here, so that functions may name them."""

from __future__ import annotations

import re

#: https://docs.aws.amazon.com/systems-manager/latest/userguide/ps-integration-lambda-extensions.html
_PARAMETERS_AND_SECRETS = re.compile(
    r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:layer:"
    r"AWS-Parameters-and-Secrets-Lambda-Extension(?:-Arm64)?:\d+"
)


def is_parameters_and_secrets(arn: str) -> bool:
    """Say whether a layer's ARN is that of the Parameters-and-Secrets extension."""
    return _PARAMETERS_AND_SECRETS.fullmatch(arn) is not None
