"""What the emulator knows of a service before it loads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: A protocol as botocore's models call it.
Protocol = Literal["json", "query", "rest-json", "rest-xml", "smithy-rpc-v2-cbor"]
#: A module that a service's folder may have; what each has in it stands in CONTRIBUTING.md.
OptionalModule = Literal["authorization", "state", "kinds", "delivers", "source", "wire", "wires"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSpec:
    """A service in data only: how its requests are known, and which modules its folder has.

    A test holds every spec against botocore's metadata.
    """

    #: The name of its model, as boto3 has it: "stepfunctions".
    model: str
    #: What its users call it: "Step Functions".
    title: str
    #: The protocols it is served in: first that of its model, last those of older SDKs.
    protocols: tuple[Protocol, ...]
    #: Its names in the scope of a signature, the usual one first: "states".
    signing_names: tuple[str, ...]
    #: Its name in ARNs, where it has a resource with one: "states".
    arn_name: str = ""
    #: What comes before the last dot of X-Amz-Target, and stands in the paths of CBOR requests:
    #: "AWSStepFunctions".
    target_prefix: str = ""
    #: The parameter ``Version`` of its query protocol: "2012-11-05".
    query_version: str = ""
    #: A regular expression for whole paths. It decides where nothing else does: for requests
    #: without a signature, and between services that share a name in signatures.
    path: str = ""
    #: Clients sign for it by version 2 of signatures, too, which name no service.
    signed_by_version_2: bool = False
    #: A regular expression of hosts: its group ``prefix`` stands in front of the path, and where
    #: ``named`` matches, the host is this service's whoever has signed.
    host: str = ""
    #: Its state says by ``keeps(name)`` whether an unsigned request is for it: the name is the
    #: host's prefix, or the first part of a path that nothing else claims.
    keeps_names: bool = False
    #: What its resource types in templates begin with: "AWS::StepFunctions".
    template_prefix: str = ""
    #: What X-Ray calls who answers its calls ("AWS::SQS::Queue"); "" for "AWS::" and the title.
    origin: str = ""
    #: Operations that tell traces of themselves.
    traced_otherwise: tuple[str, ...] = ()
    #: Which of the optional modules are in its folder.
    modules: tuple[OptionalModule, ...] = ()
    #: Its state is opened at the start, because what it keeps has work to do; without this, with
    #: the first call.
    opens_at_start: bool = False
    #: As ``opens_at_start``, but only where documents of one of these kinds are kept.
    opens_for: tuple[str, ...] = ()
    #: Its state keeps what the emulator measures of itself, by ``settle()``.
    keeps_measurements: bool = False
    #: Its model and its operations are loaded at the start, so that its first caller need not wait.
    loads_at_start: bool = False
    #: Its model is in the folder ``models`` of its own, laid out as botocore's data.
    own_model: bool = False

    @property
    def rest_protocols(self) -> tuple[Protocol, ...]:
        """Return its REST protocols: there, method and path name the operation."""
        return tuple(each for each in self.protocols if each.startswith("rest-"))

    @property
    def is_rest(self) -> bool:
        """Whether it has REST protocols alone."""
        return self.rest_protocols == self.protocols
