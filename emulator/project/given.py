"""What the user gives with a template: parameters, a stack's name, environment variables.

They come from options, from files that other tools take as well, and from ``samconfig.toml``.

Sources:
https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/
serverless-sam-cli-config.html
https://docs.aws.amazon.com/cli/latest/reference/cloudformation/deploy/
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emulator.model.errors import ConfigurationError

#: SAM's configuration, beside the template.
CONFIGURATIONS = ("samconfig.toml", "samconfig.yaml", "samconfig.yml")
#: The commands whose settings count, the most specific first.
_COMMANDS = ("local_start_api", "local_start_lambda", "local_invoke", "deploy", "global")
_PAIR = re.compile(r"ParameterKey=(?P<key>[^,]+),ParameterValue=(?P<value>.*)", re.DOTALL)
#: A line of a file with environment variables.
_LINE = re.compile(r"(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?P<value>.*)")
#: In SAM's form, what is every function's.
_EVERY = "Parameters"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What is given with the templates of one start."""

    #: By name, as options or a parameter file have them.
    parameters: Mapping[str, str] = field(default_factory=dict)
    #: Environment variables by function; those of ``""`` are every function's.
    variables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    #: The stack's name; "" leaves it to the folder.
    stack_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What ``samconfig.toml`` says."""

    parameters: Mapping[str, str] = field(default_factory=dict)
    stack_name: str = ""
    path: Path | None = None


def read_configuration(folder: Path) -> Configuration:
    """Return what SAM's configuration in a folder says; nothing where there is none.

    Raises:
        ConfigurationError: It can't be read.
    """
    path = next((folder / name for name in CONFIGURATIONS if (folder / name).is_file()), None)
    if path is None:
        return Configuration()
    body = _parse(path)
    environment = body.get("default")
    parameters: dict[str, str] = {}
    stack_name = ""
    for command in reversed(_COMMANDS):
        section = environment.get(command) if isinstance(environment, dict) else None
        settings = section.get("parameters") if isinstance(section, dict) else None
        if isinstance(settings, dict):
            parameters |= _overrides(path, settings.get("parameter_overrides"))
            stack_name = str(settings.get("stack_name") or stack_name)
    return Configuration(parameters=parameters, stack_name=stack_name, path=path)


def _overrides(path: Path, value: Any) -> dict[str, str]:
    """Return parameters as SAM writes them: a text, a list of texts, or a mapping."""
    if isinstance(value, dict):
        return {str(key): as_text(item) for key, item in value.items()}
    try:
        parts = [
            part
            for each in (value if isinstance(value, list) else [value or ""])
            for part in (shlex.split(each) if isinstance(each, str) else [each])
        ]
    except ValueError as error:
        raise ConfigurationError(f"{path}: parameter_overrides: {error}") from None
    found: dict[str, str] = {}
    for part in parts:
        if isinstance(part, dict):
            found |= {str(key): as_text(item) for key, item in part.items()}
            continue
        match = _PAIR.fullmatch(part)
        key, equals, text = part.partition("=")
        if match is not None:
            found[match["key"]] = match["value"]
        elif equals and key:
            found[key] = text
        else:
            raise ConfigurationError(f"{path}: parameter_overrides: {part!r} is not NAME=VALUE")
    return found


def read_parameters(path: Path) -> dict[str, str]:
    """Return the parameters of a file, in any of the forms that AWS's tools take.

    A list of ``ParameterKey`` and ``ParameterValue``, a mapping, a mapping below ``Parameters``, or
    a list of ``NAME=VALUE``; in JSON, YAML or TOML.

    Raises:
        ConfigurationError: It can't be read, or has another form.
    """
    body: Any = _parse(path)
    if isinstance(body, dict) and isinstance(body.get("Parameters"), dict):
        body = body["Parameters"]
    if isinstance(body, dict):
        return {str(key): as_text(value) for key, value in body.items()}
    found: dict[str, str] = {}
    for each in body if isinstance(body, list) else [None]:
        if isinstance(each, dict) and "ParameterKey" in each:
            found[str(each["ParameterKey"])] = as_text(each.get("ParameterValue", ""))
        elif isinstance(each, str) and "=" in each:
            found[each.partition("=")[0]] = each.partition("=")[2]
        else:
            raise ConfigurationError(f"{path} has no parameters in a form that is known")
    return found


def read_variables(path: Path) -> dict[str, dict[str, str]]:
    """Return the environment variables of a file, by function; those of ``""`` are every one's.

    The file is SAM's JSON (variables by function, those of ``Parameters`` for every one; or plain
    variables), or has lines with NAME=VALUE.

    Raises:
        ConfigurationError: It can't be read, or has another form.
    """
    text = _read(path)
    if text.lstrip()[:1] == "{":
        body = _parse(path)
        found: dict[str, dict[str, str]] = {}
        for name, value in body.items():
            if isinstance(value, dict):
                function = "" if name == _EVERY else str(name)
                found[function] = {str(key): as_text(item) for key, item in value.items()}
            else:
                found.setdefault("", {})[str(name)] = as_text(value)
        return found
    variables: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise ConfigurationError(f"{path}: line {number} is not NAME=VALUE")
        variables[match["name"]] = _unquoted(match["value"])
    return {"": variables}


def _unquoted(value: str) -> str:
    """Return the value of a line: quotes are taken off, a comment after it is left out."""
    quote = value[:1]
    if quote in ("'", '"') and (end := value.find(quote, 1)) > 0:
        inner = value[1:end]
        return inner.replace("\\n", "\n") if quote == '"' else inner
    return re.split(r"\s+#", value, maxsplit=1)[0].strip()


def as_text(value: Any) -> str:
    """Return a parameter's or variable's value as the text that AWS takes."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ",".join(as_text(each) for each in value)
    if isinstance(value, dict):
        return json.dumps(value)
    return "" if value is None else str(value)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"{path} can't be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path} is not UTF-8 text") from None


def _parse(path: Path) -> Any:
    text = _read(path)
    try:
        if path.suffix == ".toml":
            import tomllib

            return tomllib.loads(text)
        if path.suffix in (".yaml", ".yml"):
            from emulator.model import plain_yaml

            return plain_yaml.parse(text)
        return json.loads(text)
    except ValueError as error:
        raise ConfigurationError(f"{path}: {' '.join(str(error).split())}") from None
