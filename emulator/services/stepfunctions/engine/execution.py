"""An execution as it is while it runs, and as it is kept."""

from __future__ import annotations

import asyncio
import base64
import binascii
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from emulator.services.stepfunctions.engine.events import Event, pack
from emulator.workflows import effects
from emulator.workflows.effects import Effect, RunTask
from emulator.workflows.frames import Frame, execution_context, item_context, state_context
from emulator.workflows.program import Program, State

RUNNING, SUCCEEDED, FAILED = "RUNNING", "SUCCEEDED", "FAILED"
TIMED_OUT, ABORTED = "TIMED_OUT", "ABORTED"
#: An execution that waits before it is redriven within a map run.
PENDING_REDRIVE = "PENDING_REDRIVE"

#: What a thread rests for:
READY = "ready"  # its turn in a later slice of time
WAIT = "wait"  # a Wait state's time
RETRY = "retry"  # the time of its next attempt
TASK = "task"  # the end of a task that the engine does
TOKEN = "token"  # an answer by task token
ACTIVITY = "activity"  # a worker, or its answer
CHILDREN = "children"  # its branches or iterations
MAP_RUN = "map_run"  # the children of a distributed Map
NESTED = "nested"  # an execution that it started
DONE = "done"  # its parent: it has ended
STOPPED = "stopped"  # a redrive
DECIDING = "deciding"  # an expression that takes long
#: The largest id that the database can have.
_LAST_ID = 2**63 - 1
#: The types of states that may be tried again.
_RETRIED = frozenset({"Map", "Parallel", "Task"})
#: Resting for these costs no memory.
DORMANT = frozenset({WAIT, RETRY, TOKEN, ACTIVITY, CHILDREN, MAP_RUN, NESTED, DONE})


class Question(NamedTuple):
    """A decision that takes longer than the loop may stand still."""

    #: ``enter``, ``leave``, ``failed`` or ``select``.
    step: str
    #: The result of ``leave``; the error and its cause of ``failed``.
    subject: Any
    #: What the thread rested for before.
    kind: str


@dataclass(slots=True, eq=False)
class Thread:
    """One line of control: the execution's root, a branch of a Parallel, an iteration of a Map."""

    #: "" for the root; its parent's id, "." and its index for others.
    id: str
    program: Program
    state: State
    frame: Frame
    #: The item of a Map's iteration, with what the context object has of it.
    item: dict[str, Any] | None = None
    #: The id of the event that comes before its next one.
    last: int = 0
    #: ``last`` before the state was entered.
    before: int = 0
    entered_ms: int = 0
    attempts: tuple[int, ...] = ()
    kind: str = READY
    turn: int = 0
    due_ms: int | None = None
    #: When the task times out; ``due_ms`` is the earlier one of this and its heartbeat's.
    deadline_ms: int | None = None
    effect: Effect | None = None
    #: The token of the task it waits for.
    token: str = ""
    #: Of a thread that has ended: its output. Of one that rests in a task: what the task needs.
    result: Any = None
    #: The input of its state as JSON; "" if it is not known.
    text: str = ""
    #: Of one that waits for its children: how many it has begun, and how many have ended.
    begun: int = 0
    ended: int = 0
    #: The id of the request with which its task has invoked a function, while it is under way.
    request_id: str = ""
    #: What is to be decided beside the loop, and of what.
    question: Question | None = None

    @property
    def retries(self) -> int:
        """How often its state has been tried again."""
        return sum(self.attempts)

    @property
    def parent(self) -> str:
        """The id of the thread it belongs to."""
        return self.id.rpartition(".")[0]

    @property
    def index(self) -> int:
        """Its place among its parent's branches or iterations."""
        return int(self.id.rpartition(".")[2])

    @property
    def task(self) -> RunTask:
        """The task it is in."""
        assert isinstance(self.effect, RunTask)
        return self.effect

    def body(self) -> bytes:
        """Return it as it is kept, without what its columns have."""
        return pack(
            {
                "state": self.state.name,
                "input": self.frame.input,
                "variables": self.frame.variables,
                "entered": self.frame.entered_event_id,
                "item": self.item,
                "last": self.last,
                "before": self.before,
                "entered_ms": self.entered_ms,
                "attempts": self.attempts,
                "deadline_ms": self.deadline_ms,
                "effect": None if self.effect is None else effects.to_json(self.effect),
                "token": self.token,
                "result": self.result,
                "question": self.question,
            }
        )


#: What a thread was read from: id, kind, turn, due_ms, body.
ThreadRow = tuple[str, str, int, int | None, bytes]


@dataclass(slots=True, eq=False, kw_only=True)
class Execution:
    """An execution that is in memory."""

    id: int
    arn: str
    account: str
    region: str
    name: str
    #: The machine's ARN, with a Map's label for children.
    machine: str
    machine_name: str
    is_express: bool = False
    #: The revision it runs: definition, role, logging.
    revision: dict[str, Any]
    revision_id: int
    program: Program
    input: Any
    #: What is kept beside: "input" (text), "version", "alias", "trace", "output", "error" …
    body: dict[str, Any]
    status: str = RUNNING
    started_ms: int
    stopped_ms: int | None = None
    deadline_ms: int | None = None
    map_run: int | None = None
    item: int | None = None
    redrives: int = 0
    threads: dict[str, Thread] = field(default_factory=dict)
    #: The id of the last event.
    events: int = 0
    #: Events that no commit holds yet.
    fresh: list[Event] = field(default_factory=list)
    #: Threads that changed since the last commit, and such as have gone.
    changed: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    #: Threads whose task is to be begun once this is on the disk.
    begin: list[tuple[str, int]] = field(default_factory=list)
    is_new: bool = True
    #: A commit of it is under way, and what is new since has to wait for it.
    is_committing: bool = False
    has_more: bool = False
    #: Who is told of the next commit.
    told: list[asyncio.Future[Any]] = field(default_factory=list)
    base: dict[str, Any] = field(default_factory=dict)
    #: The ids of threads by their parent's, in the order in which they began.
    offspring: dict[str, list[str]] = field(default_factory=dict)
    #: The thread that kept it in memory when somebody looked last: most often it still does.
    awake: str = ""

    def __post_init__(self) -> None:
        self.base = dict(
            execution_context(
                arn=self.arn,
                name=self.name,
                input=self.input,
                role_arn=self.revision["roleArn"],
                started_ms=self.started_ms,
                machine_arn=self.machine,
                machine_name=self.machine_name,
                redrives=self.redrives,
                redriven_ms=self.body.get("redriven_ms"),
            )
        )

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.status != RUNNING

    def frame(
        self,
        state: State,
        item: dict[str, Any] | None,
        value: Any,
        variables: Any,
        *,
        entered_ms: int,
        retries: int = 0,
        task_token: str | None = None,
        entered_event_id: int = 0,
    ) -> Frame:
        """Return the frame of a state that is entered."""
        base = self.base if item is None else item_context(self.base, **item)
        made = retries if state.type in _RETRIED else None
        context = state_context(base, state.name, entered_ms, made, task_token)
        return Frame(value, context, variables, entered_event_id)

    def children(self, parent: Thread) -> list[Thread]:
        """Return the branches or iterations of a thread, in order."""
        found = [self.threads[each] for each in self.offspring.get(parent.id, ())]
        return sorted(found, key=lambda each: each.index)

    def below(self, parent: Thread) -> list[Thread]:
        """Return all threads below one, each before those below it."""
        found: list[Thread] = []
        for name in self.offspring.get(parent.id, ()):
            child = self.threads[name]
            found.append(child)
            found += self.below(child)
        return found

    def add(self, thread: Thread) -> None:
        """Take a thread that begins, or that was kept."""
        if thread.id:
            self.offspring.setdefault(thread.parent, []).append(thread.id)
        self.threads[thread.id] = thread

    def drop_below(self, parent: Thread) -> None:
        """Forget all threads below one."""
        for name in self.offspring.pop(parent.id, ()):
            thread = self.threads.pop(name)
            self.changed.discard(name)
            self.gone.add(name)
            self.drop_below(thread)

    def restore(self, rows: Iterable[ThreadRow]) -> None:
        """Take its threads as they were kept."""
        for row in sorted(rows, key=lambda each: each[0].count(".") if each[0] else -1):
            thread = self._thread(row)
            self.add(thread)
            if row[0]:
                parent = self.threads[thread.parent]
                parent.begun += 1
                parent.ended += thread.kind == DONE

    def _thread(self, row: ThreadRow) -> Thread:
        id, kind, turn, due_ms, content = row
        body = orjson.loads(content)
        program = self.program
        if id:
            parent = self.threads[id.rpartition(".")[0]]
            state = parent.state
            index = int(id.rpartition(".")[2])
            program = state.processor or state.branches[index]
        state = program.states[body["state"]]
        attempts = tuple(body["attempts"])
        frame = self.frame(
            state,
            body["item"],
            body["input"],
            body["variables"],
            entered_ms=body["entered_ms"],
            retries=sum(attempts),
            task_token=body["token"] or None,
            entered_event_id=body["entered"],
        )
        effect = body["effect"]
        return Thread(
            id=id,
            program=program,
            state=state,
            frame=frame,
            item=body["item"],
            last=body["last"],
            before=body["before"],
            entered_ms=body["entered_ms"],
            attempts=attempts,
            kind=kind,
            turn=turn,
            due_ms=due_ms,
            deadline_ms=body["deadline_ms"],
            effect=None if effect is None else effects.from_json(effect),
            token=body["token"],
            result=body["result"],
            question=None if body.get("question") is None else Question(*body["question"]),
        )


def make_token(execution: int, thread: str) -> str:
    """Return a task token: it says where it belongs, and can't be guessed."""
    secret = f"{random.SystemRandom().getrandbits(128):032x}"
    return base64.b64encode(orjson.dumps([execution, thread, secret])).decode()


def read_token(token: str) -> tuple[int, str] | None:
    """Return the execution and the thread of a task token; None if it is none."""
    try:
        execution, thread, _ = orjson.loads(base64.b64decode(token, validate=True))
    except (binascii.Error, ValueError, TypeError):
        return None
    if not isinstance(execution, int) or not isinstance(thread, str):
        return None
    if execution > _LAST_ID:
        return None
    return execution, thread
