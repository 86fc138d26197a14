"""The settings of the emulator, each declared once.

A field with an :class:`Option` is an option of ``localfaas up`` and a variable ``LOCALFAAS_…``,
which :mod:`emulator.cli.options` makes from it. The command line is the only reader of both.
Drivers declare theirs in the same way (:mod:`emulator.driver.declaration`).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple


class Option(NamedTuple):
    """How a setting is given on the command line.

    The variable's name is that of the flag: ``--docker-network`` is LOCALFAAS_DOCKER_NETWORK.
    """

    #: One sentence or two for ``--help``. Empty: the command line composes it.
    help: str
    #: The heading it stands under in ``--help``.
    panel: str
    #: "--name", with "--no-name" for a setting that the flag turns off and "--name/--no-name" for
    #: one that may be left open. Empty: made from the field's name.
    flag: str = ""
    #: "-n", beside ``flag``.
    short: str = ""
    #: The name of a positional argument, in the place of a flag.
    argument: str = ""
    metavar: str | None = None
    min: float | None = None
    max: float | None = None
    #: The default is said in ``help``, or goes without saying.
    hide_default: bool = False
    #: Returns what is wrong with a value, or None.
    check: Callable[[Any], str | None] | None = None


def option(default: Any, help: str, panel: str, **details: Any) -> Any:
    """Return a dataclass field that is an option.

    Args:
        default: Its value where nobody sets it. A dict is copied for each instance.
        help: Its help.
        panel: The panel of the help that it belongs to.
        **details: Further fields of :class:`Option`.
    """
    metadata = {"option": Option(help=help, panel=panel, **details)}
    if isinstance(default, dict):
        return dataclasses.field(default_factory=default.copy, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def _not_a_url(text: str) -> str | None:
    return None if text.startswith(("http://", "https://")) else "an endpoint is a URL"


def _no_account(text: str) -> str | None:
    return None if len(text) == 12 and text.isdecimal() else "an AWS account is 12 digits"


def _no_region(text: str) -> str | None:
    good = re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", text)
    return None if good else "a region is like eu-west-1"


def _no_stack_name(text: str) -> str | None:
    good = re.fullmatch(r"[a-zA-Z][-a-zA-Z0-9]{0,127}", text)
    return None if good else "a stack's name is letters, digits and -, and begins with a letter"


def _no_counts(given: Mapping[str, str]) -> str | None:
    for name, count in given.items():
        if not count.isdecimal():
            return f"{name}={count}: {count!r} is no number of environments"
    return None


def _no_engines(given: Mapping[str, str]) -> str | None:
    for name, url in given.items():
        if (wrong := _not_a_url(url)) is not None:
            return f"{name}={url}: {wrong}"
    return None


#: PORT=FUNCTION[:ALIAS][,multi-value][,health=/PATH]
BALANCER = re.compile(
    r"(?P<port>[0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3})=(?P<name>[^:,]+)(?::(?P<qualifier>[^,]+))?"
    r"(?P<many>,multi-value)?(?:,health=(?P<health>/[^,]*))?"
)


def _no_balancers(given: tuple[str, ...]) -> str | None:
    for text in given:
        if BALANCER.fullmatch(text) is None:
            return f"{text!r} is not PORT=FUNCTION[:ALIAS][,multi-value][,health=/PATH]"
    return None


def _no_debug_ports(given: tuple[str, ...]) -> str | None:
    seen: set[int] = set()
    for text in given:
        name, equals, port = text.partition("=")
        if not name or (equals and not (port.isdecimal() and 0 < int(port) < 65536)):
            return f"{text!r} is neither NAME nor NAME=PORT"
        if equals and int(port) in seen:
            return f"two functions can't share port {port}"
        seen |= {int(port)} if equals else set()
    return None


#: The panels of ``--help``.
SERVED = "What is served"
_LISTENING = "Who can call"
RUNNING = "How functions run"
KEPT = "What is kept"
SIMULATED = "What is simulated"
_AWS = "What is emulated"
SHOWN = "What is shown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one emulator."""

    #: Templates and folders that declare functions.
    functions: tuple[Path, ...] = option(
        (),
        "A SAM or CloudFormation template, CDK's cdk.out, or a folder with one of them or with a "
        "folder per function. Without it, the current folder's, if it has one.",
        "",
        argument="PATH",
    )
    parameters: tuple[str, ...] = option(
        (),
        "A parameter of the templates, instead of its default.",
        SERVED,
        flag="--parameter",
        metavar="NAME=VALUE",
    )
    parameter_files: tuple[Path, ...] = option(
        (),
        "A file with parameters, as AWS's tools take it: JSON, YAML or TOML.",
        SERVED,
        flag="--parameter-file",
        metavar="FILE",
    )
    env_files: tuple[Path, ...] = option(
        (),
        "A file with environment variables for functions: SAM's JSON, by function, or lines with "
        "NAME=VALUE for all.",
        SERVED,
        flag="--env-file",
        metavar="FILE",
    )
    stack_name: str | None = option(
        None,
        "The name of the template's stack. Default: that of samconfig.toml, else localfaas.",
        SERVED,
        hide_default=True,
        check=_no_stack_name,
    )
    #: Anything but loopback is the user's own decision.
    host: str = option("127.0.0.1", "The address to listen on.", _LISTENING)
    alb: tuple[str, ...] = option(
        (),
        "A load balancer's port, whose requests go to a function: "
        "PORT=FUNCTION[:ALIAS][,multi-value][,health=/PATH].",
        _LISTENING,
        metavar="PORT=FUNCTION",
        check=_no_balancers,
    )
    port: int = option(4566, "The port; 0 takes a free one.", _LISTENING, min=0, max=65535)
    allow_hosts: tuple[str, ...] = option(
        (), "A further host name to answer to.", _LISTENING, flag="--allow-host"
    )
    allow_origins: tuple[str, ...] = option(
        (), "A web origin whose pages may call the emulator.", _LISTENING, flag="--allow-origin"
    )

    #: The name of a driver, or "auto".
    driver: str = option("process", "", RUNNING)
    #: None leaves it to the driver.
    freeze: bool | None = option(None, "", RUNNING, flag="--freeze/--no-freeze", hide_default=True)
    cpu_limit: Literal["aws", "none"] = option(
        "aws",
        "How much CPU a function gets once it is initialised: aws, in proportion to its memory "
        "(one vCPU at 1,769 MB); none, all there is.",
        RUNNING,
    )
    idle_timeout: float = option(
        300.0, "Remove an environment after this many idle seconds.", RUNNING, min=0
    )
    max_environments: int = option(
        256, "The most environments at once, of all functions together.", RUNNING, min=1
    )
    max_snapshots: int = option(
        8,
        "The most snapshots of versions with SnapStart that are held at once: each takes the "
        "memory of an environment.",
        RUNNING,
        min=1,
    )
    snapstart_any: bool = option(
        False,
        "Let functions of every runtime have SnapStart. AWS refuses it for Node.js, Ruby and "
        "custom runtimes; here they go on from a spare.",
        RUNNING,
    )
    engines: Mapping[str, str] = option(
        {},
        "What serves a service instead of localfaas: SERVICE=URL, for example "
        "dynamodb=http://localhost:8000.",
        _AWS,
        flag="--engine",
        metavar="SERVICE=URL",
        check=_no_engines,
    )
    min_instances: Mapping[str, str] = option(
        {},
        "Keep N environments of a function initialised: NAME=N, or NAME:VERSION=N.",
        RUNNING,
        metavar="NAME=N",
        check=_no_counts,
    )
    jwks: Mapping[str, str] = option(
        {},
        "Where the keys of an issuer of tokens are, an address or a file: ISSUER=PLACE. Without, "
        "JWT authorizers ask the issuer.",
        RUNNING,
        metavar="ISSUER=PLACE",
    )
    stem_cells: int = option(
        3,
        "Sandboxes to keep started ahead of use, for each interpreter or image: this many cold "
        "starts at once are quick.",
        RUNNING,
        min=0,
    )
    bootstrap: Literal["localfaas", "awslambdaric"] = option(
        "localfaas", "The Runtime API client of Python functions: ours, or AWS's own.", RUNNING
    )
    trace_imports: bool = option(
        False,
        "Measure what functions import in their INIT phase (Python, Node.js), which makes it a "
        "little longer.",
        RUNNING,
    )
    debug: tuple[str, ...] = option(
        (),
        "Open a port for a debugger in a function: Python, Node.js, Java. From 5678 on without "
        "PORT.",
        RUNNING,
        metavar="NAME[=PORT]",
        check=_no_debug_ports,
    )
    debug_wait: bool = option(
        False, "Start debugged functions only once their debugger is there.", RUNNING
    )
    allow_link_local: bool = option(
        False,
        "Let functions reach link-local addresses (169.254.0.0/16) and others where clouds keep a "
        "machine's credentials.",
        RUNNING,
    )
    inject_endpoint: bool = option(
        True,
        "Do not give functions AWS_ENDPOINT_URL: their AWS SDK talks to AWS.",
        RUNNING,
        flag="--no-endpoint-injection",
    )
    secrets_endpoint: bool = option(
        False,
        "Give all functions the local endpoint of the Parameters-and-Secrets extension "
        "(localhost:2773); without it, those whose layers name the extension.",
        RUNNING,
    )
    watch: bool = option(
        True, "Do not reload functions when their files change.", RUNNING, flag="--no-watch"
    )
    watch_layers: bool = option(
        True,
        "Reload functions when their layers' files change, too.",
        RUNNING,
        flag="--watch-layers/--no-watch-layers",
    )

    profile: str | None = option(
        None,
        "Let cold starts take as long as elsewhere: aws, aws-good-day, aws-bad-day, or a "
        "profile's file. What is simulated is marked so.",
        SIMULATED,
    )
    scenario: Path | None = option(
        None,
        "A plan of faults: which call is throttled, killed, out of memory, late or done twice, "
        "which INIT takes too long, when the clock jumps.",
        SIMULATED,
        metavar="FILE",
    )
    deliver_twice: bool = option(
        False,
        "Deliver each asynchronous event, and each message or record of a queue or stream that "
        "feeds a function, a second time: out of order, but for groups of FIFO queues and shards.",
        SIMULATED,
    )
    seed: int = option(
        0, "The seed of all that is drawn: the same seed gives the same times.", SIMULATED
    )

    allow_code: tuple[str, ...] = option(
        (),
        "A further folder whose code may be served by the bucket hot-reload, beside the current "
        "one and PATH.",
        RUNNING,
        metavar="FOLDER",
    )

    #: None for a temporary folder that goes with the emulator.
    state: Path | None = option(None, "The folder that keeps state.", KEPT)
    durability: Literal["full", "normal", "off"] = option(
        "full",
        "What acknowledged events and messages survive, with --state: full, also a power cut; "
        "normal and off are faster and survive only a crash of the emulator.",
        KEPT,
    )

    timeline_mb: int = option(
        32,
        "The most memory (and disk, with --state) of the timeline, MB: beyond it, the oldest "
        "records go. 0 records nothing.",
        KEPT,
        min=0,
    )

    traces_mb: int = option(
        16,
        "The most memory (and disk, with --state) of traces, MB: beyond it, the oldest go.",
        KEPT,
        min=1,
    )
    trace: bool = option(
        False,
        "Trace every call, also of functions whose TracingConfig is not Active.",
        SHOWN,
    )

    otlp: str | None = option(
        None,
        "A collector's URL: what is traced is sent there by OTLP over HTTP. All calls are traced.",
        SHOWN,
        metavar="URL",
        check=_not_a_url,
    )
    otlp_headers: Mapping[str, str] = option(
        {},
        "A header that the collector wants with each request.",
        SHOWN,
        flag="--otlp-header",
        metavar="NAME=VALUE",
    )
    otlp_protocol: Literal["http/protobuf", "http/json"] = option(
        "http/protobuf", "In which form traces are sent to the collector.", SHOWN
    )
    otlp_receiver: int | None = option(
        None,
        "Open a port for spans of functions (usually 4318), and tell their OpenTelemetry SDKs; "
        "0 takes a free one.",
        SHOWN,
        metavar="PORT",
        min=0,
        max=65535,
    )

    region: str = option("us-east-1", "The functions' AWS region.", _AWS, check=_no_region)
    account: str = option("000000000000", "The functions' AWS account.", _AWS, check=_no_account)
    account_concurrency: int = option(
        1000, "The most calls that run at once per account and region.", _AWS, min=1
    )
    transition_seconds: float = option(
        0.25,
        "Show a changed function as Pending or InProgress for at most this many seconds; a call "
        "or a waiter ends that at once.",
        _AWS,
        min=0,
    )
    inactive_after: float = option(
        14 * 86400.0,
        "Make a function Inactive after this many seconds without a call or a change; 0 never "
        "does.",
        _AWS,
        min=0,
    )
    async_retry_scale: float = option(
        1.0,
        "Multiply the retry delays of asynchronous events (1 and 2 minutes) and of batches of "
        "streams by this; e.g. 0.01 in tests.",
        _AWS,
        min=0,
    )
    time_scale: float = option(
        1.0,
        "Divide waits, timeouts and heartbeats of workflows by this: 60 makes an hour a minute.",
        _AWS,
        min=0.001,
    )
    sqs_endpoint: str | None = option(
        None,
        "The URL of AWS's SQS or of another emulator: event source mappings poll there the queues "
        "that are not here.",
        _AWS,
        check=_not_a_url,
    )
    kinesis_limits: bool = option(
        True,
        "Let shards of Kinesis streams take and give as much as on AWS, whatever they could. "
        "Without it, nothing is throttled there.",
        _AWS,
        flag="--kinesis-limits/--no-kinesis-limits",
    )
    strict_auth: bool = option(
        False,
        "Check signatures, and refuse what the policies of functions' roles, of users and of "
        "resources do not allow.",
        _AWS,
    )
    strict: bool = option(
        False,
        "Refuse what could only be approximated: another version of a runtime, settings that are "
        "not acted on.",
        _AWS,
    )

    #: Each driver's own options, by its name; a driver that is not there has its defaults.
    driver_options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    #: Packages of further AWS services to serve, laid out as those of ``emulator.services``.
    extra_services: tuple[str, ...] = ()
    #: Seconds a shutdown waits for invocations in flight.
    drain_seconds: float = 30.0
