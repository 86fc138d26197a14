"""Stacks as they are kept: what stands in a stack, what happened to it, and its statuses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from emulator.model.errors import AwsError
from emulator.stack.kinds import Made

#: Bytes of a stack's events that are kept; the oldest go first.
MOST_EVENT_BYTES = 4 * 1024 * 1024
#: Stacks that are remembered after they were deleted; AWS remembers them for 90 days.
MOST_DELETED = 500

#: What the engine does: the statuses while it is under way and when it has been done.
OPERATIONS = {
    "create": ("CREATE_IN_PROGRESS", "CREATE_COMPLETE"),
    "rollback": ("ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE"),
    "update": ("UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"),
    "update-rollback": ("UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"),
    "delete": ("DELETE_IN_PROGRESS", "DELETE_COMPLETE"),
}
#: Statuses of stacks that can be updated.
UPDATABLE = (
    "CREATE_COMPLETE",
    "IMPORT_COMPLETE",
    "IMPORT_ROLLBACK_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
)


@dataclass(slots=True, kw_only=True)
class Resource:
    """One resource of a stack."""

    logical: str
    kind: str
    #: Its properties, with every function worked out.
    properties: dict[str, Any] = field(default_factory=dict)
    physical: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)
    ref: str = ""
    status: str = ""
    reason: str = ""
    updated_at: float = 0.0
    deletion_policy: str = "Delete"
    replace_policy: str = "Delete"
    #: Names of the resources that must go after this one.
    needs: list[str] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)
    #: How often it was made anew: a part of names that are made up.
    generation: int = 0
    #: What the operation under way has done to it: "created", "updated", "refused" (an update that
    #: has done nothing), "replaced" or "".
    change: str = ""
    #: What it was before that, for a rollback.
    before: dict[str, Any] | None = None
    #: Its creation has begun and not ended: something may be there that has no id yet.
    begun: bool = False
    #: Ids of what there was before that: they are not this resource's.
    there: list[str] = field(default_factory=list)
    #: The properties that an update has begun to give it.
    attempted: dict[str, Any] | None = None
    #: Its properties with dynamic references as they are written; None: there are none.
    written: dict[str, Any] | None = None
    #: Its properties as events show them, as JSON; "" where that is as they are.
    shown: str = ""
    #: The tags of its stack that it has.
    stack_tags: dict[str, str] = field(default_factory=dict)
    #: How it differed from its template when somebody looked last; {} before that.
    drift: dict[str, Any] = field(default_factory=dict)

    @property
    def made(self) -> Made:
        """Return it as its type knows it."""
        return Made(physical=self.physical, attributes=self.attributes, ref=self.ref)

    @property
    def compared(self) -> dict[str, Any]:
        """Return the properties that a new template is compared with."""
        return self.properties if self.written is None else self.written

    def have(self, properties: dict[str, Any], written: dict[str, Any], shown: str) -> None:
        """Take properties: their values, as they are written, and as events show them."""
        self.properties, self.shown = properties, shown
        self.written = None if written == properties else written

    def take(self, made: Made) -> None:
        """Take what its type has made."""
        self.physical, self.ref = made.physical, made.ref
        self.attributes = dict(made.attributes)

    def copy(self) -> dict[str, Any]:
        """Return what brings it back with :meth:`from_document`; nothing of what was before."""
        return {**asdict(self), "change": "", "before": None}

    @classmethod
    def from_document(cls, body: Mapping[str, Any]) -> Resource:
        """Return the resource of a document."""
        return cls(**{name: body[name] for name in cls.__slots__ if name in body})


@dataclass(slots=True, kw_only=True)
class Event:
    """What happened to a resource of a stack, or to the stack itself."""

    event_id: str
    at: float
    logical: str
    kind: str
    physical: str
    status: str
    reason: str = ""
    #: JSON; "" for none.
    properties: str = ""
    token: str = ""
    #: The id of the operation that it belongs to.
    operation: str = ""

    @property
    def size(self) -> int:
        """Return about how many bytes it takes."""
        return 300 + len(self.reason) + len(self.properties) + len(self.physical)


@dataclass(slots=True, kw_only=True)
class Goal:
    """What a stack is or is to be: a template and what its user gave with it."""

    #: As it was written.
    template: str
    #: Values the user gave, by name; defaults are not among them.
    given: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    capabilities: list[str] = field(default_factory=list)
    notification_arns: list[str] = field(default_factory=list)
    role_arn: str = ""
    #: The template after its transforms, once they have been applied; None without any.
    processed: dict[str, Any] | None = None


@dataclass(slots=True, kw_only=True)
class Stack:
    """One stack."""

    stack_id: str
    name: str
    account: str
    region: str
    #: What it is; in the middle of an update, what it was.
    current: Goal | None = None
    #: What it is to be; None while nothing is done to it.
    goal: Goal | None = None
    #: Of a nested stack: what it was before its last update, for a rollback of its parent.
    previous: Goal | None = None
    #: How often its updates began.
    updates: int = 0
    status: str = ""
    #: When what is under way began, seconds since the epoch.
    moved_at: float = 0.0
    reason: str = ""
    created_at: float = 0.0
    updated_at: float | None = None
    deleted_at: float | None = None
    description: str = ""
    #: Values of parameters as they are shown, by name.
    parameters: dict[str, str] = field(default_factory=dict)
    #: What parameters that name one of SSM stand for, by name.
    resolved: dict[str, str] = field(default_factory=dict)
    #: Values as given or by default, those that are not shown among them.
    values: dict[str, str] = field(default_factory=dict)
    outputs: list[dict[str, str]] = field(default_factory=list)
    #: Names of the exports it uses.
    imports: list[str] = field(default_factory=list)
    #: ROLLBACK, DELETE or DO_NOTHING where its creation fails.
    on_failure: str = "ROLLBACK"
    disable_rollback: bool = False
    termination_protection: bool = False
    timeout_minutes: int | None = None
    #: The change set that was executed last; "" where the stack was last changed without one.
    change_set_id: str = ""
    #: What was begun last: OperationType and OperationId.
    operation: dict[str, str] = field(default_factory=dict)
    parent_id: str = ""
    root_id: str = ""
    policy: str = ""
    #: The stack policy of the update under way alone; "" for the stack's own.
    policy_during: str = ""
    #: What fails to be deleted is left behind.
    forced: bool = False
    #: The token of who asked for what is under way.
    token: str = ""
    #: What fails costs itself alone: ``localfaas up`` keeps it, and serves the rest.
    tolerant: bool = False
    #: Resources whose removal may fail in what is under way.
    skipped: list[str] = field(default_factory=list)
    #: The last look at drift: its id, the stack's status, when, how many resources; {} before that.
    drift: dict[str, Any] = field(default_factory=dict)
    #: By name.
    resources: dict[str, Resource] = field(default_factory=dict)
    #: What others took the place of, until it has been removed.
    leftovers: list[Resource] = field(default_factory=list)
    #: Oldest first.
    events: list[Event] = field(default_factory=list)

    @property
    def is_moving(self) -> bool:
        """Whether something is done to it."""
        return self.status.endswith("_IN_PROGRESS") and self.status != "REVIEW_IN_PROGRESS"

    @property
    def is_gone(self) -> bool:
        """Whether it was deleted."""
        return self.status == "DELETE_COMPLETE"

    @property
    def exports(self) -> dict[str, str]:
        """Return the values that other stacks may import, by name."""
        return {o["ExportName"]: o["OutputValue"] for o in self.outputs if "ExportName" in o}

    @contextmanager
    def unless_refused(self) -> Iterator[None]:
        """Begin something with it: it is as before where that is refused.

        Its status, events and resources are the store's to put back.
        """
        apart = {"status", "reason", "operation", "events", "resources", "leftovers"}
        before = {name: getattr(self, name) for name in set(self.__slots__) - apart}
        try:
            yield
        except AwsError:
            for name, value in before.items():
                setattr(self, name, value)
            raise

    def head(self) -> dict[str, Any]:
        """Return its document: all but templates, resources and events, which have their own."""
        apart = {"resources", "events", "leftovers", "current", "goal", "previous"}
        kept = set(self.__slots__) - apart
        return {name: getattr(self, name) for name in sorted(kept)}
