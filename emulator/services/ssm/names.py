"""Names of parameters: what they may be, and what a reference to one means.

https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from emulator.model.errors import AwsError

#: The characters of an ARN at most, the name's among them.
_LONGEST_ARN = 1011
_MOST_LEVELS = 15
_NAME = re.compile(r"[a-zA-Z0-9_.\-/]+")
_RULES = (
    "If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can"
    " be formed as a mix of letters, numbers and the following 3 symbols .-_"
)
_PATH_RULES = (
    "The parameter doesn't meet the parameter name requirements. The parameter name must begin with"
    ' a forward slash "/". It can\'t be prefixed with "aws" or "ssm" (case-insensitive). It must'
    " use only letters, numbers, or the following symbols: . (period), - (hyphen), _ (underscore)."
    " Special characters are not allowed. All sub-paths, if specified, must use the forward slash"
    ' symbol "/". Valid example: /get/parameters2-/by1./path0_.'
)


def arn_of(account: str, region: str, name: str) -> str:
    """Return a parameter's ARN."""
    return f"arn:aws:ssm:{region}:{account}:parameter/{name.removeprefix('/')}"


def check_new(account: str, region: str, name: str) -> None:
    """Check the name of a parameter that is to be made.

    Raises:
        AwsError: It is none.
    """
    bare = name.removeprefix("/").lower()
    is_path = name.count("/") > 1 or ("/" in name and not name.startswith("/"))
    if bare.startswith("aws") and is_path and name.startswith("/"):
        raise AwsError(
            "AccessDeniedException", f"No access to reserved parameter name: {name}.", status=400
        )
    if bare.startswith(("aws", "ssm")):
        forbidden = '"ssm"' if is_path else '"aws" or "ssm"'
        rules = f" {_RULES}" if is_path else ""
        raise _invalid(
            f"Parameter name: can't be prefixed with {forbidden} (case-insensitive).{rules}"
        )
    if _NAME.fullmatch(name) is None or "//" in name or name.endswith("/"):
        raise _invalid(
            f'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). {_RULES}'
        )
    if "/" in name and not name.startswith("/"):
        raise _invalid("Parameter name must be a fully qualified name.")
    if name.count("/") > _MOST_LEVELS:
        raise AwsError(
            "HierarchyLevelLimitExceededException",
            f"Parameter name levels exceeded the limit of {_MOST_LEVELS}.",
        )
    if len(arn_of(account, region, name)) > _LONGEST_ARN:
        raise _invalid(
            f"Parameter name is too long: its ARN may have {_LONGEST_ARN} characters at most."
        )


def check_path(path: str) -> None:
    """Check the path of GetParametersByPath, and of filters by path.

    Raises:
        AwsError: It is none.
    """
    if not path.startswith("/") or "//" in path or _NAME.fullmatch(path) is None:
        raise _invalid(_PATH_RULES)


@dataclass(frozen=True, slots=True)
class Reference:
    """What a caller calls a parameter: a name or an ARN, and which version of it."""

    #: The names that it may mean: an ARN does not tell "a" from "/a".
    names: tuple[str, ...]
    #: A number or a label; "" for the newest version.
    version: str = ""

    @property
    def selector(self) -> str:
        """The version as answers show it."""
        return f":{self.version}" if self.version else ""


def parse(text: str) -> Reference:
    """Return what ``text`` means.

    Raises:
        AwsError: It means no parameter.
    """
    if not text.startswith("arn:"):
        name, _, version = text.partition(":")
        return Reference((name,), version)
    parts = text.split(":", 6)
    if len(parts) < 6 or parts[2] != "ssm" or not parts[5].startswith("parameter/"):
        raise _invalid(f"Invalid parameter ARN: {text}")
    bare = parts[5].removeprefix("parameter/")
    names = (f"/{bare}",) if "/" in bare else (bare, f"/{bare}")
    return Reference(names, parts[6] if len(parts) > 6 else "")


def _invalid(text: str) -> AwsError:
    return AwsError("ValidationException", text)
