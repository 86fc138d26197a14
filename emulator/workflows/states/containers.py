"""Parallel and Map: states that run programs."""

from dataclasses import dataclass

from .. import errors, quotas
from ..effects import Call, Fork, Iterate, Resource
from ..errors import StatesError
from ..flow import ExpressionFlow, PathFlow
from ..frames import Frame, Moment, item_context
from ..json_text import Json, size_bytes, write
from ..machine import JSONPATH
from ..query.scope import Query, Scope
from ..query.templates import whole
from .base import FlowState, check_size


@dataclass(frozen=True, slots=True, kw_only=True)
class Parallel(FlowState):
    """Runs branches."""

    def enter(self, frame: Frame, moment: Moment) -> Fork:
        arguments = self.flow.arguments(frame, moment)
        if arguments is not frame.input:
            check_size(self.name, size_bytes(arguments))
        return Fork(len(self.branches), arguments)


@dataclass(frozen=True, slots=True)
class CallFields:
    """ItemReader and ResultWriter: a call and its configuration."""

    resource: Resource
    arguments: Query
    config: Query

    def prepare(self, scope: Scope) -> Call:
        """Return the call, worked out."""
        return Call(self.resource, self.arguments(scope), self.config(scope))


@dataclass(frozen=True, slots=True)
class Batcher:
    """ItemBatcher.

    Args:
        most_items: MaxItemsPerBatch; None: not given.
        most_bytes: MaxInputBytesPerBatch; None: not given.
        input: BatchInput; None: not given.
    """

    most_items: Query | None = None
    most_bytes: Query | None = None
    input: Query | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Map(FlowState):
    """Runs a program for each item.

    Args:
        items: ItemsPath or Items.
        items_text: The path or expression of the items, for error texts.
        selector: ItemSelector; None: the item itself.
        max_concurrency: MaxConcurrency, or its Path form.
        tolerated_count: ToleratedFailureCount, or its Path form.
        tolerated_percentage: ToleratedFailurePercentage, or its Path form.
        label: Label of a distributed Map.
    """

    items: Query = whole
    items_text: str | None = None
    selector: Query | None = None
    max_concurrency: Query | None = None
    tolerated_count: Query | None = None
    tolerated_percentage: Query | None = None
    reader: CallFields | None = None
    batcher: Batcher | None = None
    writer: CallFields | None = None
    label: str | None = None

    @property
    def is_distributed(self) -> bool:
        """Whether iterations are executions of their own."""
        return self.processor is not None and self.processor.is_distributed

    def enter(self, frame: Frame, moment: Moment) -> Iterate:
        assert self.processor is not None
        scope = self.flow.scope(frame, moment)
        items, keys = self._items(scope, moment)
        length = len(items) if items is not None else 0
        try:
            concurrency = self._number(self.max_concurrency, scope, 0)
            count = self._number(self.tolerated_count, scope)
            percentage = self._number(self.tolerated_percentage, scope)
            moment.note("maxConcurrency", concurrency)
            if count is not None:
                moment.note("toleratedFailureCount", count)
            if percentage is not None:
                moment.note("toleratedFailurePercentage", percentage)
            reader = None if self.reader is None else self.reader.prepare(scope)
            writer = None if self.writer is None else self.writer.prepare(scope)
        except StatesError as error:
            error.length = length
            raise
        return Iterate(
            items,
            int(concurrency or 0),
            None if count is None else int(count),
            percentage,
            self.is_distributed,
            self.label,
            self.processor.execution_type,
            reader,
            writer,
            keys,
        )

    def _number(
        self, query: Query | None, scope: Scope, default: float | None = None
    ) -> float | None:
        if query is None:
            return default
        value: float = query(scope)
        return value

    def _items(self, scope: Scope, moment: Moment) -> tuple[list[Json] | None, list[str] | None]:
        if self.reader is not None:
            return None, None
        value = self.items(scope)
        if isinstance(value, list):
            return moment.note("afterItemsPath", value) if self._has_path else value, None
        if isinstance(value, dict) and self.is_distributed:
            return list(value.values()), list(value)
        if isinstance(self.flow, ExpressionFlow):
            cause = f"Map state input must be an array but was: {write(value)}"
            raise StatesError(errors.QUERY_EVALUATION_ERROR, cause)
        path = self.items_text or "$"
        path = path[1:] if path.startswith("$$") else path
        cause = f'Reference path "{path}" must point to array.'
        raise StatesError(errors.RUNTIME, cause, is_bare=True)

    @property
    def _has_path(self) -> bool:
        return isinstance(self.flow, PathFlow) and self.items is not whole

    def inputs(
        self, frame: Frame, items: list[Json], first: int, keys: list[str] | None, moment: Moment
    ) -> list[Json]:
        """Return the inputs of iterations (`item_inputs` in decide.py)."""
        selected = self._selected(frame, items, first, keys, moment)
        if self.batcher is None:
            return selected
        return self._batches(self.batcher, frame, selected, moment)

    def _selected(
        self, frame: Frame, items: list[Json], first: int, keys: list[str] | None, moment: Moment
    ) -> list[Json]:
        if self.selector is None:
            return items
        scope = self.flow.scope(frame, moment)
        selected = []
        for position, item in enumerate(items):
            key = None if keys is None else keys[position]
            context = item_context(frame.context, first + position, item, key)
            selected.append(
                self.selector(Scope(scope.data, context, frame.variables, moment, scope.states))
            )
        return selected

    def _batches(
        self, batcher: Batcher, frame: Frame, items: list[Json], moment: Moment
    ) -> list[Json]:
        scope = self.flow.scope(frame, moment)
        most_items = self._number(batcher.most_items, scope)
        most_bytes = self._number(batcher.most_bytes, scope, quotas.PAYLOAD_BYTES)
        assert most_bytes is not None
        head: dict[str, Json] = {}
        if batcher.input is not None:
            head["BatchInput"] = batcher.input(scope)
        empty_bytes = size_bytes({**head, "Items": []})
        batches: list[Json] = []
        batch: list[Json] = []
        size = empty_bytes
        for item in items:
            more = size_bytes(item) + 1
            is_full = batch and (len(batch) == most_items or size + more > most_bytes)
            if is_full:
                batches.append({**head, "Items": batch})
                batch, size = [], empty_bytes
            batch.append(item)
            size += more
        if batch:
            batches.append({**head, "Items": batch})
        return batches


def number(query: Query, field: str, text: str, kind: type, language: str) -> Query:
    """Return the query of MaxConcurrency and the like, which checks its value.

    Args:
        query: Gives the value.
        field: The field, as in `MaxConcurrencyPath`.
        text: The path or expression, for error texts.
        kind: int or float.
        language: Of the state.
    """
    base = field.removesuffix("Path")

    def checked(scope: Scope) -> Json:
        value = query(scope)
        fits = isinstance(value, int) or (kind is float and isinstance(value, float))
        if isinstance(value, bool) or not fits:
            shown = value if isinstance(value, str) else write(value)
            noun = "integer" if kind is int else "float"
            about = f'The {field} field refers to value "{shown}"'
            raise _wrong(base, language, f"{about} which is not a valid {noun}: {text}")
        if base == "ToleratedFailurePercentage" and not 0 <= value <= 100:
            cause = "ToleratedFailurePercentage must be between 0 and 100."
            raise _wrong(base, JSONPATH, cause)
        if value < 0:
            cause = f"Expected non-negative integer for {base}, got '{write(value)}' instead."
            raise _wrong(base, JSONPATH, _NEGATIVE.get(base, cause))
        return value

    return checked


_NEGATIVE = {
    "ToleratedFailureCount": "ToleratedFailureCount cannot be negative.",
    "MaxItems": "field MaxItems must be positive",
}


def _wrong(field: str, language: str, cause: str) -> StatesError:
    if field == "MaxItems":
        return StatesError(errors.ITEM_READER_FAILED, cause, is_bare=True)
    if language == JSONPATH:
        return StatesError(errors.RUNTIME, cause)
    return StatesError(errors.QUERY_EVALUATION_ERROR, cause, field)
