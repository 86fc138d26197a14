"""ARNs and names of state machines, executions, activities and map runs.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsstepfunctions.html
"""

from __future__ import annotations

import re
from typing import NamedTuple

from emulator.services.stepfunctions import errors

#: What names of machines, executions and activities must not hold.
_FORBIDDEN = re.compile(r"[\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_LONGEST_NAME = 80


class Arn(NamedTuple):
    """The parts of an ARN of Step Functions."""

    account: str
    region: str
    #: ``stateMachine``, ``execution``, ``express``, ``activity`` or ``mapRun``.
    kind: str
    #: The name of the machine or activity. A machine's may have ``/`` and a Map's label behind it.
    name: str
    #: What follows: a version, an alias, an execution's name.
    rest: str = ""

    @property
    def text(self) -> str:
        """The ARN itself."""
        text = make(self.account, self.region, self.kind, self.name)
        return f"{text}:{self.rest}" if self.rest else text

    @property
    def machine(self) -> str:
        """The machine's ARN without a version, an alias or an execution."""
        return make(self.account, self.region, "stateMachine", self.name)


def make(account: str, region: str, kind: str, *names: str) -> str:
    """Return the ARN of a resource."""
    return f"arn:aws:states:{region}:{account}:{kind}:{':'.join(names)}"


def split(arn: str, *kinds: str) -> Arn:
    """Return the parts of an ARN.

    Args:
        arn: As the caller gave it.
        kinds: The kinds of resources that the operation takes.

    Raises:
        AwsError: InvalidArn: it is no ARN of Step Functions, or of another kind.
    """
    parts = arn.split(":", 7)
    if parts[0] != "arn":
        raise errors.invalid_arn(f"Invalid ARN prefix: {arn}")
    if len(parts) < 7 or parts[2] != "states" or not all(parts[3:7]):
        raise errors.invalid_arn(f"Invalid ARN: {arn}")
    kind = parts[5]
    if kind not in kinds:
        raise errors.wrong_resource(kind)
    return Arn(parts[4], parts[3], kind, parts[6], parts[7] if len(parts) > 7 else "")


def check_name(name: str) -> None:
    """Check a name of a machine, an execution or an activity.

    Raises:
        AwsError: InvalidName.
    """
    if not name or len(name) > _LONGEST_NAME or _FORBIDDEN.search(name):
        raise errors.invalid_name(name)
