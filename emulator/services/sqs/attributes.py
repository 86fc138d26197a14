"""A queue's attributes: their names, values, texts and meaning.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from emulator.model.errors import AwsError
from emulator.queues.rules import MAX_VISIBILITY, QueueSettings
from emulator.services.sqs import errors, policies

DEFAULTS = {
    "DelaySeconds": "0",
    "MaximumMessageSize": "1048576",
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "VisibilityTimeout": "30",
}
FIFO_DEFAULTS = {
    "ContentBasedDeduplication": "false",
    "DeduplicationScope": "queue",
    "FifoThroughputLimit": "perQueue",
}
#: Attributes of GetQueueAttributes that nobody sets.
COMPUTED = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "QueueArn",
)
#: Attributes that exist only while they are set.
OPTIONAL = (
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "Policy",
    "RedriveAllowPolicy",
    "RedrivePolicy",
)
SETTABLE = frozenset((*DEFAULTS, *FIFO_DEFAULTS, *OPTIONAL, "FifoQueue", "SqsManagedSseEnabled"))
KNOWN = SETTABLE | frozenset(COMPUTED) | {"All"}
#: The bounds of numeric attributes.
_BOUNDS = {
    "DelaySeconds": (0, 900),
    "KmsDataKeyReusePeriodSeconds": (60, 86_400),
    "MaximumMessageSize": (1024, 1_048_576),
    "MessageRetentionPeriod": (60, 1_209_600),
    "ReceiveMessageWaitTimeSeconds": (0, 20),
    "VisibilityTimeout": (0, MAX_VISIBILITY),
}
_CHOICES = {
    "DeduplicationScope": ("queue", "messageGroup"),
    "FifoThroughputLimit": ("perQueue", "perMessageGroupId"),
}
#: Attributes that are true or false, in any case of letters: Python's ``str(True)`` counts.
_BOOLEANS = frozenset({"ContentBasedDeduplication", "FifoQueue", "SqsManagedSseEnabled"})
#: Shown only beside a key of KMS, or where it is not this.
_KMS_REUSE = "300"
#: Refuse values that are no such document.
_CHECKS: dict[str, Callable[[str], object]] = {
    "Policy": policies.check_policy,
    "RedriveAllowPolicy": policies.parse_redrive_allow,
    "RedrivePolicy": policies.parse_redrive,
}


def initial(given: Mapping[str, str], *, fifo: bool) -> dict[str, str]:
    """Return a new queue's attributes.

    Raises:
        AwsError: InvalidAttributeName, InvalidAttributeValue or InvalidParameterValue.
    """
    attributes = {**DEFAULTS, "SqsManagedSseEnabled": "true"}
    if fifo:
        attributes |= {**FIFO_DEFAULTS, "FifoQueue": "true"}
    return changed(attributes, {k: v for k, v in given.items() if k != "FifoQueue"}, fifo=fifo)


def changed(
    attributes: Mapping[str, str], given: Mapping[str, str], *, fifo: bool
) -> dict[str, str]:
    """Return attributes with some of them set; an empty value resets one to its default.

    Raises:
        AwsError: InvalidAttributeName, InvalidAttributeValue or InvalidParameterValue.
    """
    result = dict(attributes)
    for name, value in given.items():
        checked = check(name, value, fifo=fifo)
        if checked:
            result[name] = checked
        elif name in OPTIONAL:
            result.pop(name, None)
        else:
            result[name] = {**DEFAULTS, **FIFO_DEFAULTS}.get(name, "false")
    managed = boolean("SqsManagedSseEnabled", given.get("SqsManagedSseEnabled") or "")
    if given.get("KmsMasterKeyId"):
        if managed == "true":
            raise AwsError(
                "InvalidAttributeValue",
                "You can use one type of server-side encryption (SSE) at one time. You can either "
                "enable KMS SSE or SQS SSE.",
            )
        # A queue is encrypted with one kind of key.
        result["SqsManagedSseEnabled"] = "false"
    elif managed == "true":
        result.pop("KmsMasterKeyId", None)
    if not result.get("KmsMasterKeyId") and (
        result.get("KmsDataKeyReusePeriodSeconds") == _KMS_REUSE
    ):
        del result["KmsDataKeyReusePeriodSeconds"]
    if (
        result.get("FifoThroughputLimit") == "perMessageGroupId"
        and result.get("DeduplicationScope") != "messageGroup"
    ):
        raise errors.invalid_attribute(
            "FifoThroughputLimit",
            "The perMessageGroupId value is allowed only when the value for DeduplicationScope "
            "is messageGroup.",
        )
    return result


def check(name: str, value: str, *, fifo: bool) -> str:
    """Return an attribute's value as it is kept.

    Raises:
        AwsError: InvalidAttributeName, InvalidAttributeValue or InvalidParameterValue.
    """
    if name not in SETTABLE or (name in ("FifoQueue", *FIFO_DEFAULTS) and not fifo):
        raise errors.unknown_attribute(name)
    value = boolean(name, value)
    if name == "FifoQueue":
        if value == "true":
            return value
        raise errors.invalid_attribute("FifoQueue", "Modifying queue type is not supported.")
    if not value:
        return ""
    if name in _BOOLEANS and value not in ("true", "false"):
        raise errors.invalid_attribute(name)
    if name in _BOUNDS:
        return _number(name, value)
    if name in _CHOICES and value not in _CHOICES[name]:
        raise errors.invalid_attribute(name)
    if name in _CHECKS:
        _CHECKS[name](value)
    return value


def boolean(name: str, value: str) -> str:
    """Return the value of an attribute that is true or false as AWS shows it; others as given."""
    return value.lower() if name in _BOOLEANS else value


def _number(name: str, value: str) -> str:
    least, greatest = _BOUNDS[name]
    if not (value.isascii() and value.isdigit()) or len(value) > 10:
        raise errors.invalid_attribute(name)
    if not least <= int(value) <= greatest:
        raise errors.invalid_attribute(name)
    return str(int(value))


def settings(attributes: Mapping[str, str], arn: str) -> QueueSettings:
    """Return the attributes as settings of the engine."""
    redrive = attributes.get("RedrivePolicy")
    policy = policies.parse_redrive(redrive) if redrive else None
    scope = attributes.get("DeduplicationScope")
    return QueueSettings(
        fifo=attributes.get("FifoQueue") == "true",
        visibility=float(attributes["VisibilityTimeout"]),
        delay=float(attributes["DelaySeconds"]),
        retention=float(attributes["MessageRetentionPeriod"]),
        dead_letter=engine_name(policy.target) if policy else None,
        max_receives=policy.max_receives if policy else 0,
        source=arn,
        content_deduplication=attributes.get("ContentBasedDeduplication") == "true",
        deduplication_scope="messageGroup" if scope == "messageGroup" else "queue",
    )


ENGINE_PREFIX = "sqs:"


def engine_name(arn: str) -> str:
    """Return the engine's name for a queue."""
    return ENGINE_PREFIX + arn
