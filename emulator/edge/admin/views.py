"""The JSON objects that the admin API answers with."""

from __future__ import annotations

from pydantic import BaseModel

PREFIX = "/_emulator"


class Health(BaseModel):
    """The emulator runs."""

    status: str
    version: str
    driver: str
    #: The AWS region of what names none.
    region: str
    functions: int
    environments: int
    #: One sentence for each thing that this machine can't do as AWS does.
    notes: list[str]


class UrlView(BaseModel):
    """A function URL."""

    url: str
    #: The same URL under the emulator's own host name, for clients that can't resolve names
    #: under localhost (Python without systemd-resolved).
    path_url: str
    #: The alias it invokes; "$LATEST" if it invokes the function itself.
    qualifier: str
    #: "NONE" or "AWS_IAM".
    auth_type: str
    #: "BUFFERED" or "RESPONSE_STREAM".
    invoke_mode: str


class FunctionView(BaseModel):
    """A function in its latest version."""

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
    #: The user's folder that its code is in; empty if the code was uploaded.
    folder: str
    last_modified: str
    versions: list[str]
    aliases: list[str]
    environments: int
    urls: list[UrlView]
    #: Settings that are stored and shown, but have no effect in the emulator.
    ignored: list[str]


class StateChange(BaseModel):
    """A change of an environment's state. ``at`` is seconds since the epoch."""

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
    #: This and the next three are None if the driver can't tell, or was not asked.
    memory: int | None
    memory_peak: int | None
    cpu_seconds: float | None
    processes: int | None
    timeline: list[StateChange]


class LogView(BaseModel):
    """One line of log. ``timestamp`` is milliseconds since the epoch."""

    #: The line's number; ``since`` continues after it.
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
    #: When it runs at the earliest; for a failed event, when it failed.
    at: float
    #: Why it failed: AWS's condition (e.g. "RetriesExhausted"), and the function's last error.
    condition: str
    error: str
    payload: str


class EventsView(BaseModel):
    """The numbers of events, and some of the events."""

    waiting: int
    retrying: int
    running: int
    failed: int
    events: list[EventView]


class Replayed(BaseModel):
    """The request ids of the failed events that run again."""

    replayed: list[str]


class MessageView(BaseModel):
    """A message in a queue. Times are seconds since the epoch."""

    message_id: str
    #: "ready", "delayed" or "in flight".
    state: str
    sent: float
    #: When it can be received, or received again.
    visible_at: float
    receive_count: int
    group: str | None
    #: The ARN of the queue that it came from as a dead letter.
    source: str | None
    body: str


class EvictedView(BaseModel):
    """Environments that were ended by hand."""

    #: The number that have ended.
    stopped: int
    #: The number that end once their invocations have ended.
    when_done: int


class ResetDone(BaseModel):
    """A reset: everything made since the start is gone."""

    #: The account that was reset; None for all accounts.
    account: str | None
    milliseconds: float


class Stopping(BaseModel):
    """The emulator stops: at once, or once the calls in flight have ended."""

    stopping: bool
    now: bool
    #: The number of calls that run now.
    in_flight: int
    #: The most seconds that it waits for them.
    drain_seconds: float
    #: The emulator's process id, and the namespace in which that id is valid: see
    #: :func:`emulator.model.process.namespace`.
    pid: int
    pid_namespace: str


class ImportView(BaseModel):
    """A module that INIT loaded. Milliseconds."""

    module: str
    #: The index, in the list, of the import that contains this one.
    parent: int | None
    #: The number of imports that contain this one.
    depth: int
    #: From the moment at which the runtime began to load the function.
    start_ms: float
    #: The duration, nested imports included.
    total_ms: float
    #: The duration without nested imports.
    self_ms: float


class ColdStartView(BaseModel):
    """One cold start on this machine and the warm calls after it. Milliseconds."""

    function: str
    version: str
    runtime: str
    memory_mb: int
    #: "zip" or "image".
    package: str
    #: The size of code and layers, unpacked.
    code_bytes: int
    driver: str
    #: The time to make packages, layers and image ready.
    code_ms: float
    #: The time to start the sandbox and the runtime.
    sandbox_ms: float
    #: The time the runtime takes to get ready; loading the code counts if ``imports_ms`` is null.
    boot_ms: float
    #: The time to resume from a snapshot that was taken before; 0 without SnapStart.
    restore_ms: float
    #: The time to load the function's code and its imports.
    imports_ms: float | None
    #: The Init Duration of the REPORT line.
    init_ms: float
    first_call_ms: float
    #: The time that the caller of the cold start waits in all.
    total_ms: float
    warm_ms: list[float]
    #: The imports of INIT; null where they were not measured.
    imports: list[ImportView] | None
    #: The function's error, or "".
    error: str


class PooledVersionView(BaseModel):
    """The settings of one version that decide about its cold starts."""

    memory_mb: int
    runtime: str
    #: "zip" or "image".
    package: str
    architecture: str
    #: Code and layers, unpacked, megabytes.
    code_mb: float
    #: Environments of provisioned concurrency.
    provisioned: int
    #: The function's reserved concurrency.
    reserved: int | None
    #: The size of /tmp.
    storage_mb: int
    #: True if its environments are restored from a snapshot (SnapStart).
    snapshot: bool


class PoolView(BaseModel):
    """The settings of the pool that decide about cold starts."""

    #: Seconds an idle environment is kept.
    idle_timeout_s: float
    #: The most environments at once, of all functions together.
    max_environments: int
    account_concurrency: int
    #: The cold-start profile whose times are added; None if there is none.
    profile: str | None
    seed: int
    #: By qualified ARN.
    functions: dict[str, PooledVersionView]
