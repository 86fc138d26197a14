"""What the emulator knows of a service before it loads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: A protocol as botocore's models call it.
Protocol = Literal["json", "query", "rest-json", "rest-xml", "smithy-rpc-v2-cbor"]
#: A module that a service's folder may have; what each has in it stands in CONTRIBUTING.md.
OptionalModule = Literal["state", "kinds", "delivers", "source", "wire"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSpec:
    """A service in data only: how its requests are known, and which modules its folder has.

    A test holds every spec against botocore's metadata.
    """

    #: The name of its model, as boto3 has it: "stepfunctions".
    model: str
    #: What its users call it: "Step Functions".
    title: str
    #: The protocols it is served in, those of its model first. What it has by any other name
    #: than SDKs of today use stands last.
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
    #: A regular expression that the whole path of a request keeps which says in no other way that
    #: it is for this service.
    path: str = ""
    #: Clients sign for it by version 2 of signatures, too, which name no service.
    signed_by_version_2: bool = False
    #: A regular expression of hosts whose group ``prefix`` stands in front of the path.
    host: str = ""
    #: What its resource types in templates begin with: "AWS::StepFunctions".
    template_prefix: str = ""
    #: Which of the optional modules are in its folder.
    modules: tuple[OptionalModule, ...] = ()
    #: Its state is opened with the emulator, not with its first call: what is kept has work to do.
    opens_at_start: bool = False
    #: As ``opens_at_start``, but only where documents of this kind are kept.
    opens_for: str = ""
    #: Its model and its operations are loaded with the emulator, for the sake of its first caller.
    loads_at_start: bool = False
    #: Its model is in the folder ``models`` of its own, laid out as botocore's data.
    own_model: bool = False

    @property
    def rest_protocols(self) -> tuple[Protocol, ...]:
        """Those of its protocols whose requests say by method and path what they want."""
        return tuple(each for each in self.protocols if each.startswith("rest-"))

    @property
    def is_rest(self) -> bool:
        """Whether all its requests say by method and path what they want."""
        return self.rest_protocols == self.protocols
