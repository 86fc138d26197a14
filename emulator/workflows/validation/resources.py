"""What tasks call, and as whom."""

from ..effects import Resource
from ..json_text import Document, Json
from ..states.task import parse_resource
from .checker import Calls, Checker

OPTIMISED = frozenset(
    """
    apigateway athena batch bedrock codebuild databrew dynamodb ecs eks elasticmapreduce
    emr-containers emr-serverless events glue http lambda mediaconvert sagemaker sns sqs states
    """.split()
)
"""https://docs.aws.amazon.com/step-functions/latest/dg/integrate-optimized.html"""


_SDK = "aws-sdk:"
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


#: Integrations that take the members of a call of a service, by its name in ``aws-sdk``.
_ALIKE = {
    "dynamodb": "dynamodb",
    "events": "eventbridge",
    "lambda": "lambda",
    "sns": "sns",
    "sqs": "sqs",
    "states": "sfn",
}


def _is_known(resource: Resource, calls: Calls | None) -> bool:
    if resource.service.startswith(_SDK):
        if calls is not None:
            try:
                calls(resource.service.removeprefix(_SDK), resource.action)
            except LookupError:
                return False
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
        resource = resource if _is_known(resource, checker.calls) else None
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


def check_arguments(checker: Checker, state: Document, location: str, language: str) -> None:
    """Check that the arguments of a Task are members of the request that it makes."""
    field = "Arguments" if language == "JSONata" else "Parameters"
    given = state.get(field)
    resource = parse_resource(state["Resource"]) if isinstance(state["Resource"], str) else None
    if checker.calls is None or resource is None or not isinstance(given, dict):
        return
    is_sdk = resource.service.startswith(_SDK)
    service = resource.service.removeprefix(_SDK) if is_sdk else _ALIKE.get(resource.service)
    if resource.kind != "service" or service is None:
        return
    action = "invoke" if resource.service == "lambda" else resource.action
    try:
        names, required = checker.calls(service, action)
    except LookupError:
        return
    place = f"{location}/{field}"
    told = {name.removesuffix(".$") if language == "JSONPath" else name for name in given}
    for name in sorted(told):
        # AWS writes each name with a capital: others are none, even if the service has them.
        if name.lower() not in names or name[:1].islower():
            checker.report(f"The field '{name}' is not supported by Step Functions", place)
    if not is_sdk:
        for name in (each[:1].upper() + each[1:] for each in required):
            if name not in told:
                checker.report(f"The field '{name}' is required but was missing", place)


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
