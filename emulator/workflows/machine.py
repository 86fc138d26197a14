"""A definition, checked once and prepared: states by name, and the programs inside them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from .effects import Effect, Resource
from .frames import Frame, Moment
from .json_text import Document, Json

JSONPATH = "JSONPath"
JSONATA = "JSONata"


@dataclass(frozen=True, slots=True)
class Retrier:
    """One entry of Retry."""

    errors: tuple[str, ...]
    interval_s: int = 1
    max_attempts: int = 3
    backoff_rate: float = 2.0
    max_delay_s: int | None = None
    has_jitter: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What all states have. A kind of state is a subclass (`states`), which decides.

    Args:
        type: `Pass`, `Task` …: the first part of `PassStateEntered`.
        next: The state after it; None if it ends its program.
        branches: The programs of a Parallel's branches.
        processor: The program of a Map's iterations.
        resource: What a Task calls.
    """

    name: str
    type: str
    language: str = JSONPATH
    comment: str | None = None
    next: str | None = None
    retriers: tuple[Retrier, ...] = ()
    branches: tuple["Program", ...] = ()
    processor: "Program | None" = None
    resource: Resource | None = None
    definition: Document = field(default_factory=dict)

    def enter(self, frame: Frame, moment: Moment) -> Effect:
        """Decide what a state does first."""
        raise NotImplementedError

    def leave(self, frame: Frame, result: Json, moment: Moment) -> Effect:
        """Decide what follows when its work has this result."""
        raise NotImplementedError

    def catch(self, frame: Frame, error: str, cause: str, moment: Moment) -> Effect | None:
        """Decide where an error leads; None: no catcher takes it."""
        return None

    @property
    def programs(self) -> tuple["Program", ...]:
        """The programs inside the state."""
        return self.branches if self.processor is None else (self.processor,)


@dataclass(frozen=True, slots=True)
class Program:
    """A state machine, a branch of a Parallel, or the processor of a Map.

    Args:
        timeout_s: TimeoutSeconds of the whole machine.
        is_distributed: The processor of a distributed Map: what runs it is an execution of its own.
        execution_type: Of such a processor: `STANDARD` or `EXPRESS`.
        definition: As it was written.
    """

    start_at: str
    states: Mapping[str, State]
    language: str = JSONPATH
    comment: str | None = None
    version: str | None = None
    timeout_s: int | None = None
    is_distributed: bool = False
    execution_type: str = "STANDARD"
    definition: Document = field(default_factory=dict)

    @property
    def first(self) -> State:
        """The state it starts at."""
        return self.states[self.start_at]

    def walk(self) -> Iterator[State]:
        """Go through all states, those of programs inside included."""
        for state in self.states.values():
            yield state
            for program in state.programs:
                yield from program.walk()

    def find(self, name: str) -> tuple["Program", State] | None:
        """Return a state and its program; a name is unique in a whole definition."""
        for state in self.states.values():
            if state.name == name:
                return self, state
            for program in state.programs:
                if found := program.find(name):
                    return found
        return None
