"""Help of commands in plain words: options under their headings, placeholders, ranges."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup

#: What typer writes for the types of values, and what a reader understands.
_PLACEHOLDERS = {
    "<str>": "TEXT",
    "<path>": "PATH",
    "<int>": "N",
    "<int range>": "N",
    "<float>": "N",
    "<float range>": "N",
}


class Command(TyperCommand):
    """A command whose help groups its options by their panels."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        pieces = super().collect_usage_pieces(ctx)
        return [re.sub(r"^\{(.*)\}", r"\1", piece) for piece in pieces]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        _format_options(self, ctx, formatter)


class Wrapper(Command):
    """A command that runs another one, which stands behind ``--``.

    ``context.meta["command"]`` has the other one's words, ``context.args`` what is not known here.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse what stands before ``--``, and keep what stands behind it."""
        at = args.index("--") if "--" in args else len(args)
        ctx.meta["command"] = args[at + 1 :]
        rest: list[str] = super().parse_args(ctx, args[:at])
        return rest

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the words behind the command's name in its usage line."""
        return [*super().collect_usage_pieces(ctx), "[PATH]", "--", "COMMAND"]


def wrapper(command: Callable[..., None]) -> Callable[..., None]:
    """Make a command a :class:`Wrapper`."""
    passes_on = {"allow_extra_args": True, "ignore_unknown_options": True}
    command.__dict__["typer_options"] = {"cls": Wrapper, "context_settings": passes_on}
    return command


class Group(TyperGroup):
    """A group of commands."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        _format_options(self, ctx, formatter)
        self.format_commands(ctx, formatter)


class Commands(typer.Typer):
    """What commands are added to, all with such help.

    Args:
        help: Of the group itself; None for its callback's docstring.
        options: See :class:`typer.Typer`.
    """

    def __init__(self, help: str | None = None, **options: Any) -> None:
        if help is not None:
            options["help"] = help
        # Plain help: rich's own takes as long as everything else together.
        super().__init__(
            cls=Group,
            add_completion=False,
            rich_markup_mode=None,
            pretty_exceptions_enable=False,
            **options,
        )

    if not TYPE_CHECKING:  # the types are those of typer's own

        def command(self, *names, **options):
            return super().command(*names, **{"cls": Command, **options})


def _format_options(command: Any, ctx: Any, formatter: Any) -> None:
    panels: dict[str, list[tuple[str, str]]] = {}
    for param in command.get_params(ctx):
        record = param.get_help_record(ctx)
        if record is not None:
            panel = getattr(param, "rich_help_panel", None) or "Options"
            is_argument = param.param_type_name == "argument"
            panels.setdefault("Arguments" if is_argument else panel, []).append(_plain(*record))
    # What every command has comes last.
    for panel in sorted(panels, key="Options".__eq__):
        with formatter.section(panel):
            formatter.write_dl(panels[panel])


def _plain(name: str, help: str) -> tuple[str, str]:
    """Return the two columns of an option's help in plain words."""
    for placeholder, word in _PLACEHOLDERS.items():
        name = name.replace(placeholder, word)
    name = re.sub(r"<([^<>]*\|[^<>]*)>", r"\1", name)
    help = re.sub(r"\b([\d.]+)<=x<=([\d.]+)", r"\1 to \2", help)
    help = re.sub(r"\bx>=([\d.]+)", r"at least \1", help)
    help = re.sub(r"\bdefault: (\d+)\.0(?![.\d])", r"default: \1", help)
    return name, re.sub(r"; required\]|\[required\]", "", help).rstrip()
