"""Where DynamoDB answers otherwise than its model says."""

from __future__ import annotations

from emulator.wire.deviations import Deviations, Shape, TagRules


def _let_names_be_checked(shapes: dict[str, Shape]) -> None:
    """Let operations on tables say in their own words that a name is missing."""
    for operation in ("CreateTable", "DeleteTable", "DescribeTable", "UpdateTable"):
        shapes[f"{operation}Input"]["required"].remove("TableName")


DEVIATIONS = Deviations(
    tags=TagRules(
        too_many=(
            "ValidationException",
            "One or more parameter values were invalid: Too many tags: 50 at most",
        )
    ),
    # Recorded: errors of the model, and those that requests get before the model's operation.
    # The orders of values that the service prints.
    printed_enum={
        "ReturnValue": "ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW",
        "ScalarAttributeType": "B, N, S",
        "Select": "SPECIFIC_ATTRIBUTES, COUNT, ALL_ATTRIBUTES, ALL_PROJECTED_ATTRIBUTES",
    },
    adapt=_let_names_be_checked,
    error_namespaces=("com.amazonaws.dynamodb.v20120810", "com.amazon.coral.validate"),
)
