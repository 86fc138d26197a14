"""Cold-start profiles: how long a cold start takes elsewhere, drawn from published distributions.

A local start is 10 to 100 times faster than AWS's. A profile says what to add, in two phases: INIT,
which has all the CPU there is, and the first call, which runs at the share of CPU that the memory
size stands for. A profile is a TOML file; ``data/profiles/aws.toml`` explains each entry.
"""

from __future__ import annotations

import csv
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from emulator.model.errors import ConfigurationError
from emulator.simulation.distribution import Distribution

_DATA = Path(__file__).with_name("data") / "profiles"
#: Bytes of a profile's file at most.
_LARGEST = 1_000_000
_QUANTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,3})?)")
#: What a profile's tables have; of each other table, all that is read.
_KEYS: Mapping[str, tuple[str, ...]] = {
    "": (
        "name",
        "description",
        "source",
        "licence",
        "init",
        "relatives",
        "code",
        "restore",
        "idle",
    ),
    "init": ("table", "day_factor", "runtimes"),
    "code": ("free_mb", "ms_per_mb"),
    "idle": ("keep_alive_s",),
}
_TEXTS = ("name", "description", "source", "licence")
#: Memory sizes for which the table has the first call's milliseconds.
_SIZES_MB = (128, 256, 512, 1024)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What is known of one runtime in one kind of package on one architecture."""

    init_ms: Distribution
    #: Milliseconds of the first call, by memory size in MB.
    first_call_ms: Mapping[int, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A profile, read and checked."""

    name: str
    description: str
    source: str
    licence: str
    #: By runtime, "zip" or "image", and architecture.
    rows: Mapping[tuple[str, str, str], Row]
    day_factor: float
    restore_ms: Distribution | None
    #: Megabytes of code that cost nothing, and milliseconds of each one above.
    code_free_mb: float
    code_ms_per_mb: float
    #: Between how many seconds an idle environment is kept.
    keep_alive_s: tuple[float, float] | None
    #: Whose figures runtimes have that have none of their own, by the beginning of their name;
    #: "image" is an image whose language is not known.
    relatives: Mapping[str, str]

    def row(self, runtime: str, package: str, architecture: str) -> Row:
        """Return what is known; of a runtime without figures, those of its nearest relative.

        Args:
            runtime: AWS's identifier, e.g. "python3.12"; "" for an image.
            package: "zip" or "image".
            architecture: "x86_64" or "arm64".

        Raises:
            ConfigurationError: The profile has nothing of the kind.
        """
        runtime = self._relative(runtime or "image")
        found = self.rows.get((runtime, package, architecture))
        if found is not None:
            return found
        family = re.match(r"[a-z]+", runtime)
        related = [
            (abs(_version(name) - _version(runtime)), name, kind == package, arch == architecture)
            for name, kind, arch in self.rows
            if family is not None and name.startswith(family[0])
        ]
        if not related:
            raise ConfigurationError(f"the profile {self.name} has no figures for {runtime}")
        # The same package and architecture count more than the version.
        _, name, same_package, same_arch = min(
            related, key=lambda each: (not each[2], not each[3], each[0], each[1])
        )
        return next(
            row
            for (runtime_, kind, arch), row in self.rows.items()
            if runtime_ == name
            and (kind == package) == same_package
            and (arch == architecture) == same_arch
        )

    def _relative(self, runtime: str) -> str:
        for start, relative in self.relatives.items():
            if runtime.startswith(start):
                return relative
        return runtime

    def init_ms(self, row: Row, code_mb: float, random: Random) -> float:
        """Draw the milliseconds of an INIT.

        Args:
            row: Figures of a runtime with some memory.
            code_mb: Size of the unpacked code, megabytes.
            random: Gives the draw.
        """
        code = max(0.0, code_mb - self.code_free_mb) * self.code_ms_per_mb
        return row.init_ms.draw(random) * self.day_factor + code

    def first_call_ms(self, row: Row, memory_mb: int) -> float:
        """Return by how many milliseconds an environment's first call is slower."""
        sizes = sorted(row.first_call_ms)
        if not sizes:
            return 0.0
        fitting = [size for size in sizes if size <= memory_mb]
        return row.first_call_ms[fitting[-1] if fitting else sizes[0]]


def names() -> list[str]:
    """Return the names of the profiles that are shipped."""
    return sorted(path.stem for path in _DATA.glob("*.toml"))


def load(name: str) -> Profile:
    """Return a profile by the name of a shipped one, or by the path of a file.

    Raises:
        ConfigurationError: There is none, or it is broken; the text names line and column.
    """
    shipped = _DATA / f"{name}.toml"
    path = shipped if name in names() else Path(name)
    try:
        if path.stat().st_size > _LARGEST:
            raise ConfigurationError(f"{path} is larger than {_LARGEST} bytes")
        text = path.read_text("utf-8")
    except OSError:
        raise ConfigurationError(
            f"there is no profile {name!r}: give a file, or one of {', '.join(names())}"
        ) from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path} is not UTF-8 text") from None
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path}: {error}") from None
    return _Reader(path, text).profile(document)


class _Reader:
    """Checks a profile's document and says where it is wrong."""

    def __init__(self, path: Path, text: str) -> None:
        self._path, self._text = path, text

    def profile(self, document: dict[str, Any]) -> Profile:
        self._check_keys(document, "")
        texts = {key: self._text_of(document, key) for key in _TEXTS}
        init = self._table(document, "init")
        code = self._table(document, "code")
        return Profile(
            name=texts["name"] or self._path.stem,
            description=texts["description"],
            source=texts["source"],
            licence=texts["licence"],
            rows={**self._shipped(init), **self._own(init)},
            day_factor=self._number(init, "day_factor", 1.0),
            restore_ms=self._distribution(document["restore"], "restore")
            if "restore" in document
            else None,
            code_free_mb=self._number(code, "free_mb", 0.0),
            code_ms_per_mb=self._number(code, "ms_per_mb", 0.0),
            keep_alive_s=self._range(self._table(document, "idle"), "keep_alive_s"),
            relatives={
                str(start): str(relative)
                for start, relative in self._table(document, "relatives").items()
            },
        )

    def _shipped(self, init: dict[str, Any]) -> dict[tuple[str, str, str], Row]:
        name = init.get("table")
        if name is None:
            return {}
        beside, shipped = self._path.parent / str(name), _DATA / Path(str(name)).name
        path = beside if beside.is_file() else shipped
        try:
            with path.open(encoding="utf-8", newline="") as file:
                return {
                    (line["runtime"], line["package"], line["arch"]): Row(
                        init_ms=self._distribution(
                            {k: float(v) for k, v in line.items() if _QUANTILE.fullmatch(k)},
                            f"{path.name}: {line['runtime']}",
                        ),
                        first_call_ms={
                            size: float(line[f"first_call_ms_{size}"]) for size in _SIZES_MB
                        },
                    )
                    for line in csv.DictReader(file)
                }
        except OSError as error:
            raise self._error("table", f"{name} can't be read: {error.strerror}") from None
        except (KeyError, TypeError, ValueError) as error:
            raise self._error("table", f"{name} is no table of quantiles: {error}") from None

    def _own(self, init: dict[str, Any]) -> dict[tuple[str, str, str], Row]:
        rows = {}
        for runtime, body in self._table(init, "runtimes").items():
            if not isinstance(body, dict):
                raise self._error(runtime, "must be a table with quantiles (p50, p99 …)")
            quantiles = {k: v for k, v in body.items() if _QUANTILE.fullmatch(k)}
            row = Row(
                init_ms=self._distribution(quantiles, runtime),
                first_call_ms={0: self._number(body, "first_call_ms", 0.0)},
            )
            for architecture in ("x86_64", "arm64"):
                rows[runtime, str(body.get("package", "zip")), architecture] = row
        return rows

    def _distribution(self, quantiles: Any, where: str) -> Distribution:
        if not isinstance(quantiles, dict):
            raise self._error(where, "must be a table with quantiles (p50, p99 …)")
        found = {}
        for key, value in quantiles.items():
            match = _QUANTILE.fullmatch(key)
            if match is None:
                raise self._error(key, "is no quantile (p50, p99 …)", where)
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise self._error(key, f"must be a number of milliseconds, not {value!r}", where)
            found[float(match[1]) / 100] = float(value)
        try:
            return Distribution.of_quantiles(found)
        except (TypeError, ValueError) as error:
            raise self._error(where, str(error)) from None

    def _check_keys(self, table: Mapping[str, Any], name: str) -> None:
        for key in table:
            if key not in _KEYS[name]:
                known = ", ".join(_KEYS[name])
                raise self._error(key, f"is not known here: give one of {known}", name)

    def _text_of(self, document: Mapping[str, Any], key: str) -> str:
        value = document.get(key, "")
        if not isinstance(value, str):
            raise self._error(key, f"must be a text, not {value!r}")
        return value

    def _table(self, document: dict[str, Any], key: str) -> dict[str, Any]:
        value = document.get(key, {})
        if not isinstance(value, dict):
            raise self._error(key, "must be a table")
        if key in _KEYS:
            self._check_keys(value, key)
        return value

    def _number(self, table: dict[str, Any], key: str, default: float) -> float:
        value = table.get(key, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
            raise self._error(key, f"must be a number that is not negative, not {value!r}")
        return float(value)

    def _range(self, table: dict[str, Any], key: str) -> tuple[float, float] | None:
        value = table.get(key)
        if value is None:
            return None
        if isinstance(value, list) and len(value) == 2:
            low, high = value
            if all(isinstance(each, (int, float)) for each in value) and 0 <= low <= high:
                return float(low), float(high)
        raise self._error(key, f"must be two rising numbers, not {value!r}")

    def _error(self, key: str, problem: str, table: str = "") -> ConfigurationError:
        """Return an error that names the place of a key, in a table if one is given."""
        at = self._find(rf'\[(?:[\w.]+\.)?"?{re.escape(table)}"?\]', 0) if table else 0
        found = self._find(rf'\[?(?:[\w.]+\.)?"?{re.escape(key)}', max(at, 0))
        place = ""
        if found >= 0:
            line = self._text.count("\n", 0, found) + 1
            place = f" line {line}, column {found - self._text.rfind(chr(10), 0, found)}:"
        return ConfigurationError(f"{self._path}:{place} {key} {problem}")

    def _find(self, pattern: str, start: int) -> int:
        """Return where a line begins with a pattern, after its spaces; -1: nowhere."""
        match = re.compile(rf"^[ \t]*({pattern})", re.MULTILINE).search(self._text, start)
        return -1 if match is None else match.start(1)


def _version(runtime: str) -> float:
    found = re.search(r"(\d+(?:\.\d+)?)", runtime)
    if found is None:
        return 0.0
    whole, _, part = found[1].partition(".")
    return int(whole) + int(part or 0) / 100
