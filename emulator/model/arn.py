"""Names and ARNs of functions, in all the forms AWS takes.

Source: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html ("Name formats").
"""

from __future__ import annotations

import re
from typing import NamedTuple

PARTITION = "aws"


class FunctionName(NamedTuple):
    """A function as a caller names it; None where the caller left it out."""

    name: str
    qualifier: str | None = None
    account: str | None = None
    region: str | None = None


_FORM = re.compile(
    r"(?:arn:(?:aws[a-zA-Z-]*)?:lambda:)?"
    r"(?:(?P<region>[a-z]{2}(?:-gov)?(?:-iso[a-z]?)?-[a-z]+-\d):)?"
    r"(?:(?P<account>\d{12}):)?"
    r"(?:function:)?"
    r"(?P<name>[a-zA-Z0-9-_]+)"
    r"(?::(?P<qualifier>\$LATEST(?:\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"
)


def parse_function_name(text: str) -> FunctionName | None:
    """Return the parts of a function's name, partial ARN or ARN; None if it is none of them."""
    if ":" not in text:
        return FunctionName(text)
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    return FunctionName(match["name"], match["qualifier"], match["account"], match["region"])


def function_arn(account: str, region: str, name: str, qualifier: str | None = None) -> str:
    """Return the ARN of a function, or of one of its versions or aliases."""
    arn = f"arn:{PARTITION}:lambda:{region}:{account}:function:{name}"
    return f"{arn}:{qualifier}" if qualifier else arn


def split_function_arn(arn: str) -> tuple[str, str, str]:
    """Return account, region and name of the function of an ARN without a qualifier."""
    _, _, _, region, account, _, name = arn.split(":")
    return account, region, name


def runtime_version_arn(region: str, runtime: str) -> str:
    """Return the ARN of the one version of a runtime that there is here."""
    import hashlib  # 4 MB, which commands that only read ARNs do without

    digest = hashlib.sha256(runtime.encode()).hexdigest()
    return f"arn:{PARTITION}:lambda:{region}::runtime:{digest}"
