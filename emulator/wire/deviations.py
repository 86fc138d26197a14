"""Where a service answers otherwise than its published model says.

A service states its own in ``wire.py`` of its folder; the codec is compiled with them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from emulator.model.errors import AwsError

#: A shape of the model, as it stands in the JSON without its documentation.
Shape = dict[str, Any]
#: Raises the AwsError of all violations of a request.
Validator = Callable[[Mapping[str, Any]], None]


def _never(operation: str, request: Mapping[str, Any]) -> bool:
    return False


def _nothing(shapes: dict[str, Shape]) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TagRules:
    """What a service says of tags that it does not take, where its model says nothing."""

    #: The code of what follows; "" for that of violated constraints.
    code: str = ""
    #: What the error has beside code and text.
    fields: Mapping[str, str] = field(default_factory=dict)
    #: Of a key that begins as AWS's own.
    reserved: str = "aws: prefixed tag key names are not allowed for external use."
    #: Of a key that is there twice.
    repeated: str = "Duplicate tag keys found."
    #: Whether keys that differ in the case of their letters are the same.
    folds_case: bool = False
    #: Of a key that has no or too many characters, and of a value that has too many; "" where the
    #: model bounds them.
    key_length: str = ""
    value_length: str = ""
    #: Of a key or a value with other characters than AWS's usual ones; "" where the model has a
    #: pattern, or the service takes all.
    characters: str = ""
    #: Code and text of a request with more than 50; None where the model or the operation counts.
    too_many: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Deviations:
    """One service's deviations from its model; each says how it is known where it is stated."""

    #: The code of a constraint violation, which stands in no model; "" for the usual code of its
    #: protocol: ``ValidationError`` in query, ``ValidationException`` in the others.
    constraint_code: str = ""
    #: Maxima by shape, in place of the model's.
    maximum: Mapping[str, int] = field(default_factory=dict)
    #: (operation, request): whether the model's own maxima hold for this request after all.
    model_maximum_holds: Callable[[str, Mapping[str, Any]], bool] = _never
    #: Patterns by shape as the service prints them. Values are matched against the model's.
    printed_pattern: Mapping[str, str] = field(default_factory=dict)
    #: Enumerations by shape as the service prints them; a list's shape where the list prints a set
    #: of its own.
    printed_enum: Mapping[str, str] = field(default_factory=dict)
    #: Members by structure whose violations are reported first.
    checked_first: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: (structure, member) whose constraints the operation checks itself, because the service has
    #: another error for them than a constraint violation.
    checked_by_operation: frozenset[tuple[str, str]] = frozenset()
    #: Violations of members of the body are named ``createRestApiInput.name``, not ``name``.
    names_input: bool = False
    #: Violations of a list's elements do not mention that they must not be null.
    elements_may_be_null: bool = False
    #: (``ServiceModel``, ``Operation``): makes the validator of an operation, in place of the one
    #: compiled from the model.
    validator: Callable[[Any, Any], Validator] | None = None
    #: What it says of tags that it does not take.
    tags: TagRules = field(default_factory=TagRules)
    #: HTTP statuses by error code that the model does not give.
    status: Mapping[str, int] = field(default_factory=dict)
    #: Codes in the query protocol (and in ``x-amzn-query-error``) by the error's shape, where the
    #: two differ.
    query_code: Mapping[str, str] = field(default_factory=dict)
    #: Messages in the query protocol by the error's shape, where it has words of its own.
    query_message: Mapping[str, str] = field(default_factory=dict)
    #: The namespaces in ``__type``, before "#" and the error's shape, in JSON and CBOR: of errors
    #: that the model has, and of others. "" for no prefix.
    error_namespaces: tuple[str, str] = ("", "")
    #: Errors that the model lacks have an empty ``<Detail/>`` in the query protocol.
    empty_detail: bool = False
    #: In rest-xml an error is ``<Error>``, without ``<ErrorResponse>`` around it.
    bare_errors: bool = False
    #: Signatures in a query (presigned URLs) that lack a part are refused, in words of its own.
    whole_signatures: bool = False
    #: Code and message for a request that cannot be read, instead of ``SerializationException``.
    malformed: tuple[str, str] | None = None
    #: (parameter, its text): the error of a query parameter that is not the number it has to be,
    #: instead of ``malformed``.
    not_a_number: Callable[[str, str], AwsError] | None = None
    #: Code, message and status for a path that means no operation.
    unknown_route: tuple[str, str, int] | None = None
    #: The XML namespace of answers; "" for the model's.
    xml_namespace: str = ""
    #: Root elements of rest-xml answers by operation, where the model does not name them.
    root_names: Mapping[str, str] = field(default_factory=dict)
    #: rest-xml operations whose only member is the content of the root element.
    unwrapped: frozenset[str] = frozenset()
    #: The content types of payloads that are bytes, and that are text.
    blob_content_type: str = "application/octet-stream"
    text_content_type: str = "text/plain"
    #: Response headers that hold the request's id.
    request_id_headers: tuple[str, ...] = ("x-amzn-requestid",)
    #: Operations whose request is read whole although the model lets it stream.
    whole_bodies: frozenset[str] = frozenset()
    #: Names of operations in error texts, where they differ from the model's.
    operation_in_texts: Mapping[str, str] = field(default_factory=dict)
    #: (``Operation``, request, protocol, the URL it was sent to): adds what the URL says, before
    #: the request is checked; refuses what that URL does not serve.
    add_from_url: Callable[[Any, dict[str, Any], str, str], None] | None = None
    #: Changes the model's shapes as they are loaded.
    adapt: Callable[[dict[str, Shape]], None] = _nothing

    def shape_of(self, code: str) -> str:
        """Return the shape of an error, by its shape's name or its code in the query protocol."""
        for shape, other in self.query_code.items():
            if other == code:
                return shape
        return code


#: A service that answers as its model says.
NONE = Deviations()
