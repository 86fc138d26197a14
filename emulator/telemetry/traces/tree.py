"""A trace as a tree: what was sent apart is put together, and what called what is found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Document = dict[str, Any]


def merge(documents: list[Document]) -> list[Document]:
    """Return a trace's segments, with the subsegments that were sent apart inside them.

    A document that was sent again replaces the earlier one. Subsegments whose parent is not known
    stand for themselves.
    """
    sent: dict[str, Document] = {}
    for document in documents:
        before = sent.get(document["id"])
        if before is None or not document.get("in_progress"):
            sent[document["id"]] = document
    inside: dict[str, Document] = {}
    for document in sent.values():
        for each in _walk(document):
            inside.setdefault(each["id"], each)
    top = []
    for document in sent.values():
        parent = inside.get(document.get("parent_id") or "")
        if document.get("type") != "subsegment" or parent is None or _holds(document, parent):
            top.append(document)
            continue
        others = parent.setdefault("subsegments", [])
        if all(each["id"] != document["id"] for each in others):
            others.append(document)
    for document in top:
        for each in _walk(document):
            if len(each.get("subsegments") or ()) > 1:
                each["subsegments"].sort(key=lambda one: one["start_time"])
    return sorted(top, key=lambda one: one["start_time"])


def _walk(document: Document) -> Iterator[Document]:
    """Yield a document and all subsegments in it."""
    waiting = [document]
    while waiting:
        each = waiting.pop()
        yield each
        waiting += each.get("subsegments") or ()


def _holds(document: Document, other: Document) -> bool:
    return any(each is other for each in _walk(document))


@dataclass(slots=True, eq=False)
class Node:
    """A segment or a subsegment, with what it has called."""

    document: Document
    #: The segment that it is, or is a part of.
    segment: Document
    children: list[Node] = field(default_factory=list)
    parent: Node | None = None

    @property
    def is_segment(self) -> bool:
        """Whether it is a segment of its own."""
        return self.document is self.segment

    @property
    def start(self) -> float:
        """When it began, seconds since the epoch."""
        return float(self.document["start_time"])

    @property
    def end(self) -> float:
        """When it ended; when it began, while it is in progress."""
        return max(self.start, float(self.document.get("end_time") or self.start))

    def walk(self) -> Iterator[tuple[int, Node]]:
        """Yield this node and all below it, each with its depth."""
        waiting = [(0, self)]
        while waiting:
            depth, node = waiting.pop()
            yield depth, node
            waiting += [(depth + 1, each) for each in reversed(node.children)]


def build(segments: list[Document]) -> list[Node]:
    """Return the roots of a trace's tree, from what :func:`merge` returned."""
    nodes: dict[str, Node] = {}
    roots: list[Node] = []
    order: list[Node] = []
    for segment in segments:
        waiting: list[tuple[Document, Node | None]] = [(segment, None)]
        while waiting:
            document, parent = waiting.pop()
            node = Node(document, segment, parent=parent)
            order.append(node)
            nodes.setdefault(document["id"], node)
            if parent is not None:
                parent.children.append(node)
            waiting += [(each, node) for each in document.get("subsegments") or ()]
    for node in order:
        if node.parent is not None:
            continue
        parent = nodes.get(node.document.get("parent_id") or "")
        if parent is None or _is_below(parent, node):
            roots.append(node)
        else:
            node.parent = parent
            parent.children.append(node)
    for node in order:
        node.children.sort(key=lambda one: one.start)
    return sorted(roots, key=lambda one: one.start)


def _is_below(node: Node, other: Node) -> bool:
    """Say whether ``other`` is ``node`` or above it: made-up parents may go in circles."""
    above: Node | None = node
    while above is not None:
        if above is other:
            return True
        above = above.parent
    return False


def status(document: Document) -> str:
    """Return "ok", "error", "throttle" or "fault", the worst that holds."""
    for name in ("fault", "throttle", "error"):
        if document.get(name) is True:
            return name
    return "ok"


def kind(node: Node) -> str:
    """Return what somebody has called, as "AWS::Lambda", "AWS::DynamoDB::Table" or "remote"."""
    document = node.document
    if node.is_segment:
        return str(document.get("origin") or "")
    if document.get("namespace") == "aws":
        name = str(document["name"])
        return _ORIGINS.get(name.lower(), f"AWS::{name}")
    return str(document.get("namespace") or "")


#: What X-Ray calls services that SDKs name in subsegments of the namespace "aws".
_ORIGINS = {
    "dynamodb": "AWS::DynamoDB::Table",
    "sqs": "AWS::SQS::Queue",
    "s3": "AWS::S3::Bucket",
    "kinesis": "AWS::Kinesis::Stream",
    "lambda": "AWS::Lambda",
    "stepfunctions": "AWS::StepFunctions::StateMachine",
    "eventbridge": "AWS::Events",
}
