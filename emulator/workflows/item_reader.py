"""Items of a distributed Map, from what its ItemReader got.

https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html
"""

import csv
import io
from itertools import islice

from . import errors
from .errors import StatesError
from .json_text import Document, Json, read

DELIMITERS = {"COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "SPACE": " ", "TAB": "\t"}


def items_of(config: Document, content: bytes | list[Json]) -> list[Json]:
    """Return the items.

    Args:
        config: ReaderConfig, worked out: InputType, CSVHeaderLocation, CSVHeaders, CSVDelimiter,
            ItemsPointer, MaxItems.
        content: The bytes of an object, or a listing of objects.

    Raises:
        StatesError: States.ItemReaderFailed.
    """
    most = config.get("MaxItems") or None
    if not isinstance(content, bytes):
        return content[:most]
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _failed("Attempting to parse a file that is not encoded in UTF-8.") from None
    match config.get("InputType", "JSON"):
        case "CSV":
            try:
                return _csv(config, text, most)
            except csv.Error as error:
                raise _failed(f"Attempting to parse an invalid CSV file: {error}") from None
        case "JSONL":
            # Other signs that separate lines may stand within the strings of JSON.
            return [_json(line) for line in islice(filter(str.strip, text.split("\n")), most)]
        case "JSON":
            return _array(config, _json(text))[:most]
        case kind:
            raise _failed(f"localfaas does not read files of the type {kind}.")


def _csv(config: Document, text: str, most: int | None) -> list[Json]:
    delimiter = DELIMITERS.get(str(config.get("CSVDelimiter", "COMMA")), ",")
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    headers = config.get("CSVHeaders")
    if config.get("CSVHeaderLocation", "FIRST_ROW") == "FIRST_ROW":
        headers = next(rows, None)
        if headers is None:
            raise _failed("Attempting to parse an empty CSV file.")
    names: list[str] = list(headers or [])
    if len(set(names)) < len(names):
        raise _failed("CSV headers cannot contain duplicates.")
    filled = (row for row in rows if row)
    return [_row(names, row) for row in islice(filled, most)]


def _row(names: list[str], row: list[str]) -> Json:
    return {name: row[at] if at < len(row) else "" for at, name in enumerate(names)}


def _array(config: Document, value: Json) -> list[Json]:
    pointer = config.get("ItemsPointer")
    for part in str(pointer).split("/")[1:] if pointer else ():
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        else:
            raise _failed(f"The ItemsPointer '{pointer}' does not lead to an array.")
    if not isinstance(value, list):
        raise _failed("Attempting to map over non-iterable node.")
    return value


def _json(text: str) -> Json:
    try:
        return read(text)
    except ValueError as error:
        raise _failed(f"Attempting to parse a file that is not valid JSON: {error}") from None


def _failed(cause: str) -> StatesError:
    return StatesError(errors.ITEM_READER_FAILED, cause, is_bare=True)
