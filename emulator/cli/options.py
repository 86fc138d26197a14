"""Command-line options made from settings: types, defaults, help and variables, declared once.

:class:`emulator.settings.Option` says what a declaration holds.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import typer

from emulator.settings import Option

PREFIX = "LOCALFAAS_"


def pairs(given: list[str] | None, option: str) -> dict[str, str]:
    """Return what an option of the form NAME=VALUE was given, by name."""
    pairs = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise typer.BadParameter(f"{text!r} is not NAME=VALUE", param_hint=option)
        pairs[name] = value
    return pairs


class OptionOf:
    """One field of settings as a command's option.

    Args:
        field: Declared with :func:`emulator.settings.option`.
        hint: Its type.
        help: Takes the place of the declared one.
        choices: The values it takes, where its type does not say.
    """

    def __init__(
        self, field: dataclasses.Field[Any], hint: Any, *, help: str, choices: Sequence[str]
    ) -> None:
        self.name = field.name
        self._option: Option = field.metadata["option"]
        self._help = help or self._option.help
        members = get_args(hint)
        self._type: Any = members[0] if NoneType in members else hint
        origin = get_origin(self._type)
        self._choices = choices or (get_args(self._type) if origin is Literal else ())
        self._pairs, self._list = origin is Mapping, origin is tuple
        factory = field.default_factory
        self._default = field.default if factory is dataclasses.MISSING else factory()
        self._flag = self._option.flag or f"--{field.name.replace('_', '-')}"
        #: Giving the flag turns the setting off; one of two names says so by itself.
        two_names = "/" in self._flag
        self._inverted = self._type is bool and self._default is True and not two_names

    def parameter(self) -> inspect.Parameter:
        """Return the parameter of a command that typer makes the option from."""
        kind, default = self._type, self._default
        if self._choices:
            make_enum: Any = StrEnum
            kind = make_enum(self.name, {each.upper(): each for each in self._choices})
            default = kind(default)
        elif self._list and get_args(self._type)[0] is not str:
            kind, default = list[get_args(self._type)[0]] | None, None  # type: ignore[misc]
        elif self._pairs or self._list:
            kind, default = list[str] | None, None
        elif self._inverted:
            default = False
        elif default is None:
            kind = kind | None
        keyword = inspect.Parameter.KEYWORD_ONLY
        annotation: Any = Annotated[kind, self._information()]
        return inspect.Parameter(self.name, keyword, default=default, annotation=annotation)

    def _information(self) -> Any:
        option = self._option
        if option.argument:
            variable = PREFIX + self.name.upper()
            return typer.Argument(envvar=variable, help=self._help, metavar=option.argument)
        name = self._flag.partition("/")[0].removeprefix("--")
        return typer.Option(
            *([option.short] if option.short else []),
            self._flag,
            envvar=PREFIX + name.replace("-", "_").upper(),
            help=self._help,
            metavar=option.metavar,
            min=option.min,
            max=option.max,
            show_default=not (option.hide_default or self._type is bool),
            rich_help_panel=option.panel,
        )

    def value(self, given: Any) -> Any:
        """Return the setting's value from what typer read.

        Raises:
            typer.BadParameter: It is no value for this setting.
        """
        if self._pairs:
            found = pairs(given, self._flag)
            self._check(found)
            return found
        if self._list:
            found_all = tuple(given or ())
            self._check(found_all)
            return found_all
        if self._inverted:
            return not given
        if self._choices:
            return given.value
        self._check(given)
        return given

    def _check(self, given: Any) -> None:
        wrong = self._option.check(given) if self._option.check and given is not None else None
        if wrong:
            raise typer.BadParameter(wrong, param_hint=self._flag)


def options_of(
    declared: type,
    *,
    helps: Mapping[str, str] | None = None,
    choices: Mapping[str, Sequence[str]] | None = None,
) -> list[OptionOf]:
    """Return the options of a dataclass of settings.

    Args:
        declared: The dataclass.
        helps: Help by field, where the declaration leaves it to the command line.
        choices: Values by field, where the declaration leaves them to the command line.
    """
    hints = get_type_hints(declared)
    return [
        OptionOf(
            field,
            hints[field.name],
            help=(helps or {}).get(field.name, ""),
            choices=(choices or {}).get(field.name, ()),
        )
        for field in dataclasses.fields(declared)
        if "option" in field.metadata
    ]


def values(options: Iterable[OptionOf], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings' values from the arguments of a command.

    Raises:
        typer.BadParameter: One of them is no value for its setting.
    """
    return {option.name: option.value(given[option.name]) for option in options}


def with_options(
    options: Iterable[OptionOf],
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command that takes ``**given`` its options, before those it names itself."""
    made = [option.parameter() for option in options]

    def give(command: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(command, eval_str=True).parameters.values()
        named = [
            each.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for each in own
            if each.kind is not inspect.Parameter.VAR_KEYWORD
        ]
        command.__dict__["__signature__"] = inspect.Signature([*made, *named])
        return command

    return give
