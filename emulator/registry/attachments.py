"""The resources that belong to one function, and their stored documents.

Each class is one of Lambda's configurations of a function, version or alias. ``to_wire`` gives the
shape of AWS's API, which is also the shape in the stored document.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self

from emulator.model.function import LATEST

#: JSON as the API gives it and the store keeps it.
Body = dict[str, Any]
RecursiveLoop = Literal["Allow", "Terminate"]


class _Wired:
    """A dataclass whose fields have names in AWS's API. Fields that are None are left out."""

    __slots__ = ()
    #: From field to AWS's member, in the order of the document.
    WIRE: ClassVar[Mapping[str, str]]

    def to_wire(self) -> Body:
        """Return the members that are set, by their names in AWS's API."""
        values = ((member, getattr(self, name)) for name, member in self.WIRE.items())
        return {member: value for member, value in values if value is not None}

    @classmethod
    def from_wire(cls, body: Mapping[str, Any]) -> Self:
        """Return the object that a body describes; unknown members are dropped."""
        return cls(**{name: body[member] for name, member in cls.WIRE.items() if member in body})


@dataclass(slots=True, kw_only=True)
class ResourcePolicy(_Wired):
    """The resource-based policy of a function, version or alias.

    https://docs.aws.amazon.com/lambda/latest/api/API_GetPolicy.html
    """

    WIRE: ClassVar = {"policy": "Policy", "revision_id": "RevisionId"}

    #: The policy document as JSON text.
    policy: str
    revision_id: str


@dataclass(slots=True, kw_only=True)
class FunctionUrl(_Wired):
    """A function URL.

    https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionUrlConfig.html
    """

    WIRE: ClassVar = {
        "url_id": "UrlId",
        "function_arn": "FunctionArn",
        "auth_type": "AuthType",
        "invoke_mode": "InvokeMode",
        "created_at": "CreationTime",
        "modified_at": "LastModifiedTime",
        "cors": "Cors",
    }

    #: The first label of its host name.
    url_id: str
    function_arn: str
    auth_type: str
    invoke_mode: str = "BUFFERED"
    #: ISO 8601.
    created_at: str
    modified_at: str
    #: The ``Cors`` structure; None where the URL has none.
    cors: Body | None = None


@dataclass(slots=True, kw_only=True)
class EventInvokeConfig(_Wired):
    """Retries, age and destinations of asynchronous events.

    https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionEventInvokeConfig.html
    """

    WIRE: ClassVar = {
        "maximum_retry_attempts": "MaximumRetryAttempts",
        "maximum_event_age_s": "MaximumEventAgeInSeconds",
        "destinations": "DestinationConfig",
        "function_arn": "FunctionArn",
        "modified_at": "LastModified",
    }

    #: Attempts after the first; None for Lambda's default (2).
    maximum_retry_attempts: int | None = None
    #: None for Lambda's default.
    maximum_event_age_s: int | None = None
    #: The ``DestinationConfig`` structure.
    destinations: Body | None = None
    function_arn: str = ""
    #: Seconds since the epoch.
    modified_at: float = 0.0

    def destination(self, member: Literal["OnSuccess", "OnFailure"]) -> str | None:
        """Return the ARN of a destination; None where there is none."""
        return ((self.destinations or {}).get(member) or {}).get("Destination") or None


@dataclass(slots=True, kw_only=True)
class ProvisionedConcurrency(_Wired):
    """Environments that a version or alias wants ready.

    https://docs.aws.amazon.com/lambda/latest/api/API_PutProvisionedConcurrencyConfig.html
    """

    WIRE: ClassVar = {
        "requested": "RequestedProvisionedConcurrentExecutions",
        "modified_at": "LastModified",
    }

    requested: int
    #: ISO 8601.
    modified_at: str


@dataclass(slots=True, kw_only=True)
class RuntimeManagement(_Wired):
    """When the runtime of a version is updated.

    https://docs.aws.amazon.com/lambda/latest/api/API_PutRuntimeManagementConfig.html
    """

    WIRE: ClassVar = {"update_on": "UpdateRuntimeOn", "runtime_version_arn": "RuntimeVersionArn"}

    #: "Auto", "FunctionUpdate" or "Manual".
    update_on: str = "Auto"
    #: Only with "Manual".
    runtime_version_arn: str | None = None


@dataclass(slots=True, kw_only=True)
class ScalingConfig(_Wired):
    """How many environments a version on Managed Instances may have.

    https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionScalingConfig.html
    """

    WIRE: ClassVar = {
        "minimum": "MinExecutionEnvironments",
        "maximum": "MaxExecutionEnvironments",
    }

    #: None for Lambda's default.
    minimum: int | None = None
    maximum: int | None = None


@dataclass(slots=True, kw_only=True)
class Attachments:
    """All attachments of a function. The keys of mappings are qualifiers: versions or aliases."""

    policies: dict[str, ResourcePolicy] = field(default_factory=dict)
    urls: dict[str, FunctionUrl] = field(default_factory=dict)
    event_invoke: dict[str, EventInvokeConfig] = field(default_factory=dict)
    provisioned: dict[str, ProvisionedConcurrency] = field(default_factory=dict)
    runtime_management: dict[str, RuntimeManagement] = field(default_factory=dict)
    scaling: dict[str, ScalingConfig] = field(default_factory=dict)
    #: AWS's RecursiveLoop setting: "Terminate" or "Allow" a function that calls itself.
    recursive_loop: RecursiveLoop = "Terminate"
    #: The ARN of its code signing configuration.
    code_signing_config: str | None = None

    def forget(self, qualifier: str) -> None:
        """Drop everything that belongs to a version or alias that is being deleted."""
        for name in _BY_QUALIFIER:
            getattr(self, name).pop(qualifier, None)

    def to_document(self) -> Body:
        """Return the stored form: bodies by kind, then by qualifier; empty kinds are left out."""
        document: Body = {}
        for name, (kind, _) in _BY_QUALIFIER.items():
            held: Mapping[str, _Wired] = getattr(self, name)
            if held:
                document[kind] = {qualifier: each.to_wire() for qualifier, each in held.items()}
        if self.recursive_loop != "Terminate":
            document["recursion"] = {LATEST: self.recursive_loop}
        if self.code_signing_config is not None:
            document["code-signing"] = {LATEST: self.code_signing_config}
        return document

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Attachments:
        """Return what :meth:`to_document` stored, in this release or an earlier one."""
        found = cls(
            recursive_loop=document.get("recursion", {}).get(LATEST, "Terminate"),
            code_signing_config=document.get("code-signing", {}).get(LATEST),
        )
        for name, (kind, made_of) in _BY_QUALIFIER.items():
            bodies: Mapping[str, Body] = document.get(kind, {})
            getattr(found, name).update(
                {qualifier: made_of.from_wire(body) for qualifier, body in bodies.items()}
            )
        return found


#: Field of :class:`Attachments` to its kind in the stored document and the class of its values.
_BY_QUALIFIER: Mapping[str, tuple[str, type[_Wired]]] = {
    "policies": ("policy", ResourcePolicy),
    "urls": ("url", FunctionUrl),
    "event_invoke": ("event-invoke", EventInvokeConfig),
    "provisioned": ("provisioned", ProvisionedConcurrency),
    "runtime_management": ("runtime", RuntimeManagement),
    "scaling": ("scaling", ScalingConfig),
}
