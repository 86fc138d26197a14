"""The resource types that can be made, from all services; and what stands for the others."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.cloudformation.own_kinds import CUSTOM
from emulator.stack import schemas
from emulator.stack.kinds import PLAUSIBLE, Call, Kind, Made, Wanted


class KindTable:
    """Finds resource types.

    Args:
        served: Returns a type of the services by name; None of one that is not served.
        own: CloudFormation's own types, by name; that of custom resources serves ``Custom::…``.
        strict: Whether what is not served fails a stack.
    """

    def __init__(
        self,
        served: Callable[[str], Kind | None],
        own: Mapping[str, Kind],
        *,
        strict: bool = False,
    ) -> None:
        self._served, self._own, self._strict = served, own, strict

    def find(self, name: str) -> Kind:
        """Return a type; of one that is not served what only notes it."""
        served = self._own.get(CUSTOM if name.startswith("Custom::") else name)
        served = served or self._served(name)
        if served is not None:
            return served
        return _NotServed(self.not_served(name), strict=self._strict)

    async def stand_in(self, call: Call, wanted: Wanted) -> Made:
        """Return plausible values of a resource that could not be made."""
        return await _NotServed("", strict=False).create(call, wanted)

    def serves(self, name: str) -> bool:
        """Say whether resources of a type are made."""
        return not isinstance(self.find(name), _NotServed)

    def not_served(self, name: str) -> str:
        """Return the sentence about a type that is not served."""
        return f"localfaas does not serve {name}: it is noted, and not made."


#: Services whose ARNs name no region.
_GLOBAL = ("iam", "cloudfront", "route53")


#: Names of services in ARNs, by those in types, where the two differ.
_ARN_NAMES = {
    "amazonmq": "mq",
    "apigatewayv2": "apigateway",
    "bedrockagentcore": "bedrock-agentcore",
    "certificatemanager": "acm",
    "cognito": "cognito-idp",
    "docdb": "rds",
    "efs": "elasticfilesystem",
    "elasticloadbalancingv2": "elasticloadbalancing",
    "emr": "elasticmapreduce",
    "eventschemas": "schemas",
    "kinesisanalyticsv2": "kinesisanalytics",
    "kinesisfirehose": "firehose",
    "location": "geo",
    "msk": "kafka",
    "neptune": "rds",
    "opensearchserverless": "aoss",
    "opensearchservice": "es",
    "pinpoint": "mobiletargeting",
    "stepfunctions": "states",
}


#: What stands before names in ARNs, where that is not the type and a slash.
_ARN_PARTS = {
    "AWS::Batch::ComputeEnvironment": "compute-environment/",
    "AWS::Batch::JobDefinition": "job-definition/",
    "AWS::Batch::JobQueue": "job-queue/",
    "AWS::EFS::AccessPoint": "access-point/",
    "AWS::EFS::FileSystem": "file-system/",
    "AWS::Lambda::Function": "function:",
    "AWS::SNS::Topic": "",
    "AWS::SQS::Queue": "",
    "AWS::StepFunctions::StateMachine": "stateMachine:",
}


#: What follows names in ARNs, where ``Ref`` is the ARN and not, as the schema says, the name.
_REF_IS_ARN = {"AWS::Batch::JobDefinition": ":1"}


#: What the ids begin with that AWS makes up.
_MADE_UP_IDS = {
    "AWS::EFS::AccessPoint": "fsap",
    "AWS::EFS::FileSystem": "fs",
    "AWS::EC2::RouteTable": "rtb",
    "AWS::EC2::SecurityGroup": "sg",
    "AWS::EC2::Subnet": "subnet",
    "AWS::EC2::VPC": "vpc",
    "AWS::EC2::VPCEndpoint": "vpce",
}


def _last(kind: str) -> str:
    return kind.rpartition("::")[2]


class _NotServed:
    """A type that AWS has and localfaas does not: it gets plausible values, and nothing is made."""

    def __init__(self, text: str, *, strict: bool) -> None:
        self._text, self._strict = text, strict

    async def create(self, call: Call, wanted: Wanted) -> Made:
        """See :class:`emulator.stack.kinds.Kind`."""
        if self._strict:
            raise AwsError("ValidationError", f"{self._text} (--strict)")
        schema = schemas.find(wanted.kind)
        primary = schema.primary[0] if schema is not None and schema.primary else ""
        named = next((n for n in wanted.properties if n in (primary, f"{_last(wanted.kind)}Name")
                      or n == "Name"), "")  # fmt: skip
        name = str(wanted.properties.get(named) or wanted.name(""))
        _, service, own = wanted.kind.lower().split("::")[:3]
        at = f"{'' if service in _GLOBAL else call.region}:{call.account}"
        own = _ARN_PARTS.get(wanted.kind, f"{own}/")
        if wanted.kind in _MADE_UP_IDS:
            digest = hashlib.sha256(f"{wanted.seed}/{wanted.logical}".encode()).hexdigest()[:17]
            name = f"{_MADE_UP_IDS[wanted.kind]}-{digest}"
        arn = f"arn:aws:{_ARN_NAMES.get(service, service)}:{at}:{own}{name}"
        attributes: dict[str, Any] = {}
        for each in schema.read_only if schema is not None else ():
            attributes[each] = f"{name}-{each}"
            if each.upper().endswith("ARN"):
                attributes[each] = arn
            elif wanted.kind in _MADE_UP_IDS and each.endswith("Id"):
                attributes[each] = name
            elif each == "DnsEntries":
                # A hosted zone and a name: templates take them apart.
                attributes[each] = [f"Z00000000000000:{name}.{call.region}.vpce.amazonaws.com"]
        attributes[PLAUSIBLE] = True
        ending = _REF_IS_ARN.get(wanted.kind)
        physical = attributes.get(primary, name) if ending is None else arn + ending
        return Made(physical=physical, attributes=attributes)

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        """See :class:`emulator.stack.kinds.Kind`."""
        return made

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        """See :class:`emulator.stack.kinds.Kind`."""
