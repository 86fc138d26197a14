"""Resource policies as AWS writes them: byte for byte, in its order of members. Pure.

https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from emulator.model.errors import AwsError
from emulator.services.context import Request
from emulator.services.lambda_.errors import conflict, invalid, not_found

#: The most bytes a policy may have.
LONGEST = 20480

_ACCOUNT = re.compile(r"\d{12}")
_SERVICE = re.compile(r"[a-z0-9][a-z0-9.-]*\.(amazonaws\.com(\.cn)?|amazon\.com|aws\.internal)")

Statement = dict[str, Any]


def statement(request: Request, resource: str) -> Statement:
    """Return the statement an AddPermission or AddLayerVersionPermission request means.

    Args:
        request: The request, by the names of the model's members.
        resource: The ARN it grants something on.

    Raises:
        AwsError: The principal is not valid.
    """
    body: Statement = {
        "Sid": request["StatementId"],
        "Effect": "Allow",
        "Principal": principal(request["Principal"]),
        "Action": request["Action"],
        "Resource": resource,
    }
    conditions = condition(request)
    if conditions:
        body["Condition"] = conditions
    return body


def principal(text: str) -> str | dict[str, str]:
    """Return a principal as a policy names it."""
    if text == "*":
        return "*"
    if _ACCOUNT.fullmatch(text):
        return {"AWS": f"arn:aws:iam::{text}:root"}
    if text.startswith("arn:") and text.count(":") >= 5:
        return {"AWS": text}
    if _SERVICE.fullmatch(text):
        return {"Service": text}
    raise invalid("The provided principal was invalid. Please check the principal and try again.")


def condition(request: Request) -> dict[str, dict[str, str]]:
    """Return the condition that the optional members of a request make."""
    equals = {
        key: request[member]
        for member, key in (
            ("SourceAccount", "AWS:SourceAccount"),
            ("EventSourceToken", "lambda:EventSourceToken"),
            ("FunctionUrlAuthType", "lambda:FunctionUrlAuthType"),
            ("PrincipalOrgID", "aws:PrincipalOrgID"),
            ("OrganizationId", "aws:PrincipalOrgID"),
        )
        if request.get(member)
    }
    found: dict[str, dict[str, str]] = {}
    if equals:
        found["StringEquals"] = equals
    if request.get("InvokedViaFunctionUrl") is not None:
        text = "true" if request["InvokedViaFunctionUrl"] else "false"
        found["Bool"] = {"lambda:InvokedViaFunctionUrl": text}
    if request.get("SourceArn"):
        found["ArnLike"] = {"AWS:SourceArn": request["SourceArn"]}
    return found


def statements(policy: str | None) -> list[Statement]:
    """Return the statements of a policy's text; none where there is no policy."""
    if policy is None:
        return []
    found = orjson.loads(policy).get("Statement")
    return [found] if isinstance(found, dict) else list(found or [])


def text(body: Any) -> str:
    """Return a policy as the JSON that AWS writes: without spaces."""
    return orjson.dumps(body).decode()


def render(found: list[Statement]) -> str:
    """Return the text of a policy.

    Raises:
        AwsError: PolicyLengthExceededException.
    """
    policy = text({"Version": "2012-10-17", "Id": "default", "Statement": found})
    if len(policy.encode()) > LONGEST:
        raise AwsError(
            "PolicyLengthExceededException",
            f"The final policy size ({len(policy.encode())}) is bigger than the limit ({LONGEST}).",
            Type="User",
        )
    return policy


def add(policy: str | None, new: Statement) -> str:
    """Return a policy with one more statement.

    Raises:
        AwsError: Its Sid is taken, or the policy becomes too long.
    """
    found = statements(policy)
    if any(each.get("Sid") == new["Sid"] for each in found):
        raise conflict(
            f"The statement id ({new['Sid']}) provided already exists. Please provide a new "
            "statement id, or remove the existing statement."
        )
    return render([*found, new])


def remove(policy: str | None, sid: str) -> str | None:
    """Return a policy without a statement; None when no statement is left.

    Raises:
        AwsError: There is no policy, or no such statement.
    """
    if policy is None:
        raise not_found("No policy is associated with the given resource.")
    found = statements(policy)
    left = [each for each in found if each.get("Sid") != sid]
    if len(left) == len(found):
        raise not_found(f"Statement {sid} is not found in resource policy.")
    return render(left) if left else None
