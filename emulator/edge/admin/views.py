"""What the admin API answers with."""

from __future__ import annotations

from pydantic import BaseModel

PREFIX = "/_emulator"


class Health(BaseModel):
    """That it is there."""

    status: str
    version: str
    driver: str
    functions: int
    environments: int
    #: What this machine can't do as AWS does.
    notes: list[str]


class UrlView(BaseModel):
    """A function URL."""

    url: str
    #: The same in a form that needs no name service: clients that can't resolve names under
    #: localhost (Python without systemd-resolved) reach it there.
    path_url: str
    #: The alias that it invokes; "$LATEST" for the function itself.
    qualifier: str
    #: "NONE" or "AWS_IAM".
    auth_type: str
    #: "BUFFERED" or "RESPONSE_STREAM".
    invoke_mode: str


class FunctionView(BaseModel):
    """A function as it would run now."""

    name: str
    account: str
    region: str
    arn: str
    runtime: str
    handler: str
    memory_mb: int
    timeout_s: int
    architecture: str
    state: str
    description: str
    #: The folder it is run from, where that is the user's own; empty for an uploaded archive.
    folder: str
    last_modified: str
    versions: list[str]
    aliases: list[str]
    environments: int
    urls: list[UrlView]
    #: What is configured and not acted on.
    ignored: list[str]


class Moment(BaseModel):
    """A change of state. ``at`` is seconds since the epoch."""

    at: float
    state: str
    reason: str


class EnvironmentView(BaseModel):
    """An execution environment. Times are seconds, memory is bytes."""

    id: str
    function: str
    version: str
    account: str
    region: str
    state: str
    created: float
    age: float
    invokes: int
    #: Invocations that run in it now; several, on Managed Instances.
    in_flight: int
    init_ms: float | None
    pid: int | None
    log_group: str
    #: None where the driver can't tell, or was not asked.
    memory: int | None
    memory_peak: int | None
    cpu_seconds: float | None
    processes: int | None
    timeline: list[Moment]


class LogView(BaseModel):
    """One line of log. ``timestamp`` is milliseconds since the epoch."""

    #: Rises with each event; ``since`` continues after it.
    sequence: int
    timestamp: int
    function: str
    group: str
    stream: str
    message: str


class EventView(BaseModel):
    """An asynchronous event. Times are seconds since the epoch."""

    request_id: str
    function: str
    function_arn: str
    qualifier: str
    #: "waiting", "retrying", "running" or "failed".
    state: str
    #: Attempts that ended with a function error.
    attempts: int
    accepted: float
    #: When it is run at the earliest; for one that failed, when it ended.
    at: float
    #: Why it failed: AWS's condition, and the function's last error.
    condition: str
    error: str
    payload: str


class EventsView(BaseModel):
    """How many events there are, and the first of them."""

    waiting: int
    retrying: int
    running: int
    failed: int
    events: list[EventView]


class Replayed(BaseModel):
    """The failed events that run again."""

    replayed: list[str]


class MessageView(BaseModel):
    """A message in a queue. Times are seconds since the epoch."""

    message_id: str
    #: "ready", "delayed" or "in flight".
    state: str
    sent: float
    #: When it can be received (again).
    visible_at: float
    receive_count: int
    group: str | None
    #: The ARN of the queue it was dead-lettered from.
    source: str | None
    body: str


class Stopping(BaseModel):
    """The emulator ends when the calls in flight have, or at once."""

    stopping: bool
    now: bool
    #: Calls that run now.
    in_flight: int
    #: How long it waits for them at most.
    drain_seconds: float
    #: The emulator's process, and where that number means this process:
    #: see :func:`emulator.model.process.namespace`.
    pid: int
    pid_namespace: str
