"""Fields of distributed Maps."""

import re
from collections.abc import Callable

from .. import quotas
from ..item_reader import DELIMITERS
from ..json_text import Json
from ..states.task import parse_resource
from .checker import Checker
from .numbers import check_number

_NOT_IN_LABELS = re.compile(r"[\s?*<>{}\[\]:;,\\|^~$#%&`\"\x00-\x1f\x7f-\x9f]")
_MOST_ITEMS = check_number(0, quotas.MAP_ITEMS)
_BATCH = check_number(1, quotas.MAP_ITEMS)
_BYTES = check_number(1, quotas.PAYLOAD_BYTES)
_BATCH_PATHS = ("MaxItemsPerBatchPath", "MaxInputBytesPerBatchPath")
_ENUMS = {
    "InputType": ("CSV", "JSON", "JSONL", "MANIFEST", "PARQUET"),
    "CSVHeaderLocation": ("FIRST_ROW", "GIVEN"),
    "CSVDelimiter": tuple(DELIMITERS),
    "Transformation": ("NONE", "LOAD_AND_FLATTEN", "COMPACT", "FLATTEN"),
    "ManifestType": ("ATHENA_DATA", "S3_INVENTORY"),
    "OutputType": ("JSON", "JSONL"),
}


def check_label(checker: Checker, value: Json, location: str, language: str) -> None:
    """Check the Label of a distributed Map."""
    if not checker.of_type(value, "String", location):
        return
    if len(value) > quotas.LABEL_CHARACTERS:
        most = quotas.LABEL_CHARACTERS
        checker.report(f"Label cannot exceed {most} characters", location)
    if found := _NOT_IN_LABELS.search(value):
        checker.report(f"Label contains invalid character: '{found.group()}'", location)


def check_call(config: str) -> Callable[[Checker, Json, str, str], None]:
    """Return the check of ItemReader or ResultWriter.

    Args:
        config: The name of its configuration: `ReaderConfig` or `WriterConfig`.
    """

    def check(checker: Checker, value: Json, location: str, language: str) -> None:
        if not checker.of_type(value, "Object", location):
            return
        given = "Arguments" if language == "JSONata" else "Parameters"
        for field in value:
            if field not in ("Resource", given, config, "Comment"):
                checker.unsupported(field, location)
        if config == "ReaderConfig" and not checker.require(value, ("Resource",), location):
            return
        if "Resource" in value:
            place, resource = f"{location}/Resource", value["Resource"]
            if checker.of_type(resource, "String", place) and parse_resource(resource) is None:
                checker.report("Value is not a valid resource ARN", place)
        if given in value:
            place = f"{location}/{given}"
            if language == "JSONata":
                checker.expressions(value[given], place)
            else:
                checker.template(value[given], place)
        if config in value:
            _check_config(checker, value[config], f"{location}/{config}", language)

    return check


def _check_config(checker: Checker, config: Json, location: str, language: str) -> None:
    if not checker.of_type(config, "Object", location):
        return
    for field, value in config.items():
        place = f"{location}/{field}"
        if field in _ENUMS:
            if not isinstance(value, str) or not value.startswith("{%"):
                checker.one_of(value, _ENUMS[field], place)
        elif field == "CSVHeaders":
            checker.of_type(value, "Array", place)
        elif field == "MaxItems":
            _MOST_ITEMS(checker, value, place, language)
        elif field == "MaxItemsPath" and language == "JSONPath":
            checker.path_or_call(value, place)
        elif field in ("ItemsPointer", "Comment"):
            checker.of_type(value, "String", place)
        else:
            checker.unsupported(field, location)
    if config.get("CSVHeaderLocation") == "GIVEN":
        checker.require(config, ("CSVHeaders",), location)


def check_batcher(checker: Checker, value: Json, location: str, language: str) -> None:
    """Check ItemBatcher."""
    if not checker.of_type(value, "Object", location):
        return
    for field, each in value.items():
        place = f"{location}/{field}"
        if field == "MaxItemsPerBatch":
            _BATCH(checker, each, place, language)
        elif field == "MaxInputBytesPerBatch":
            _BYTES(checker, each, place, language)
        elif field in _BATCH_PATHS and language == "JSONPath":
            checker.path_or_call(each, place)
        elif field == "Comment":
            checker.of_type(each, "String", place)
        elif field == "BatchInput":
            if language == "JSONata":
                checker.expressions(each, place)
            else:
                checker.template(each, place)
        else:
            checker.unsupported(field, location)
