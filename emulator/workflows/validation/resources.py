"""What tasks call, and as whom."""

from ..effects import Resource
from ..json_text import Json
from ..states.task import parse_resource
from .checker import Checker

OPTIMISED = frozenset(
    """
    apigateway athena batch bedrock codebuild databrew dynamodb ecs eks elasticmapreduce
    emr-containers emr-serverless events glue http lambda mediaconvert sagemaker sns sqs states
    """.split()
)
"""https://docs.aws.amazon.com/step-functions/latest/dg/integrate-optimized.html"""


_ASKS = frozenset({"", "waitForTaskToken"})
_RUNS = frozenset({"", "sync", "sync:2", "waitForTaskToken"})
_PLAIN = frozenset({""})
#: What may stand behind the names of services that have few actions; of others, anything.
_ACTIONS = {
    "apigateway": {"invoke": _ASKS},
    "dynamodb": dict.fromkeys(("deleteItem", "getItem", "putItem", "updateItem"), _PLAIN),
    "events": {"putEvents": _ASKS},
    "http": {"invoke": _PLAIN},
    "lambda": {"invoke": _ASKS},
    "sns": {"publish": _ASKS},
    "sqs": {"sendMessage": _ASKS},
    "states": {"startExecution": _RUNS},
}


def _is_known(resource: Resource) -> bool:
    if resource.service.startswith("aws-sdk:"):
        return resource.pattern in _ASKS
    actions = _ACTIONS.get(resource.service)
    if actions is None:
        return resource.service in OPTIMISED
    return resource.pattern in actions.get(resource.action, ())


def check_resource(checker: Checker, value: Json, location: str, language: str) -> None:
    """Check the Resource of a Task."""
    if not checker.of_type(value, "String", location):
        return
    resource = parse_resource(value)
    if resource is not None and resource.kind == "service":
        resource = resource if _is_known(resource) else None
    if resource is None:
        if value.startswith("arn:"):
            checker.report(
                f"The resource provided {value} is not recognized. The value is not a valid"
                " resource ARN, or the resource is not available in this region.",
                location,
            )
        else:
            checker.report("Value is not a valid resource ARN", location)
    elif checker.kind == "EXPRESS":
        if resource.kind == "activity":
            checker.report("Express state machine does not support Activity ARN", location)
        elif resource.pattern:
            pattern = resource.pattern.partition(":")[0]
            checker.report(
                f"Express state machine does not support '.{pattern}' service integration", location
            )


def check_credentials(checker: Checker, value: Json, location: str, language: str) -> None:
    """Check the Credentials of a Task."""
    if language == "JSONata" and isinstance(value, str):
        checker.expressions(value, location)
        return
    if not checker.of_type(value, "Object", location):
        return
    fields = ("RoleArn",) if language == "JSONata" else ("RoleArn", "RoleArn.$")
    if not any(field in value for field in fields):
        checker.report("The field 'RoleArn' is required but was missing", location)
    if language == "JSONata":
        checker.expressions(value, location)
    else:
        checker.template(value, location)
