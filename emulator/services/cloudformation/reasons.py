"""Why a resource could not be had, in the words of CloudFormation's handlers of resource types.

https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/
resource-type-test-contract-errors.html
"""

from __future__ import annotations

import re
import uuid

from emulator.model.errors import AwsError
from emulator.services.cloudformation.toolbox import ServiceRefusal
from emulator.stack.errors import TemplateError
from emulator.stack.kinds import is_gone

#: The first that is found in an error's code says what the handler makes of it.
_CODES = (
    ("AlreadyExists", re.compile(r"Exist(?!ent)|AlreadyOwned|NameInUse|EntityAlready")),
    ("AccessDenied", re.compile(r"AccessDenied|Unauthorized|Forbidden")),
    ("Throttling", re.compile(r"Throttl|TooManyRequests|LimitExceededPer")),
    ("ServiceLimitExceeded", re.compile(r"LimitExceeded|Quota|TooMany")),
    ("ResourceConflict", re.compile(r"Conflict|InUse|Concurrent")),
)
_TOLD = re.compile(
    r'Resource handler returned message: "(.*?)(?: \(Service: [^()]*\))?" \(RequestToken: .*\)',
    re.DOTALL,
)


def of(error: Exception, kind: str) -> str:
    """Return the reason that a resource's event gives for an error.

    Args:
        error: What its type, or the service that it called, has refused.
        kind: The resource's type. CloudFormation's own types speak for themselves.
    """
    if not isinstance(error, AwsError):
        return error.message if isinstance(error, TemplateError) else str(error)
    is_own = kind.startswith(("AWS::CloudFormation::", "Custom::"))
    told = error.cause if isinstance(error, ServiceRefusal) else error.message
    if is_own or (told == error.message and error.code != "AlreadyExists"):
        return error.message
    return (
        f'Resource handler returned message: "{told}"'
        f" (RequestToken: {uuid.uuid4()}, HandlerErrorCode: {_handler_code(error)})"
    )


def _handler_code(error: AwsError) -> str:
    if is_gone(error):
        return "NotFound"
    for code, pattern in _CODES:
        if pattern.search(error.code):
            return code
    return "ServiceInternalError" if (error.status or 400) >= 500 else "InvalidRequest"


def plain(reason: str) -> str:
    """Return what a reason says, for somebody who knows no handlers."""
    found = _TOLD.fullmatch(reason)
    return found[1] if found else reason
