"""Which of many patterns an event matches: quick for thousands of them.

Those that want one of some texts at a path are found by that text; an event is checked only against
those whose text it has, and against the few that want nothing so simple.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any, Generic, NamedTuple, TypeVar

from emulator.sources.patterns import Alternative, Pattern, leaves, meets, texts_of, tops_of

Kept = TypeVar("Kept")


class _Entry(NamedTuple):
    #: Its place in the order of what is kept.
    order: int
    alternative: Alternative


class Index(Generic[Kept]):
    """Finds what is kept for the patterns that an event matches.

    Args:
        kept: Patterns, each with what is kept for it.
    """

    def __init__(self, kept: Iterable[tuple[Pattern, Kept]]) -> None:
        pairs = list(kept)
        self._kept = [each for _, each in pairs]
        entries = [
            _Entry(order, each)
            for order, (pattern, _) in enumerate(pairs)
            for each in pattern.alternatives
        ]
        #: Path → text → who wants that text there.
        self._by_text: dict[str, dict[str, list[_Entry]]] = defaultdict(lambda: defaultdict(list))
        self._others: list[_Entry] = []
        self._tops = tops_of(path for each in entries for path in each.alternative)
        counts: Counter[tuple[str, str]] = Counter()
        for entry in entries:
            for path, texts in _texts(entry.alternative).items():
                counts.update((path, text) for text in texts)
        for entry in entries:
            self._file(entry, counts)

    def _file(self, entry: _Entry, counts: Counter[tuple[str, str]]) -> None:
        """Put an entry where the fewest others are."""
        texts = _texts(entry.alternative)
        if not texts:
            self._others.append(entry)
            return
        best = min(texts, key=lambda path: sum(counts[path, text] for text in texts[path]))
        for text in set(texts[best]):
            self._by_text[best][text].append(entry)

    def __bool__(self) -> bool:
        return bool(self._kept)

    def find(self, event: dict[str, Any]) -> list[Kept]:
        """Return what is kept for the patterns that an event matches, in order."""
        values = leaves(event, self._tops)
        found: set[int] = set()
        for path, by_text in self._by_text.items():
            for each in values.get(path, ()):
                if isinstance(each.value, str):
                    self._check(by_text.get(each.value, ()), values, found)
        self._check(self._others, values, found)
        return [self._kept[order] for order in sorted(found)]

    def _check(self, entries: Iterable[_Entry], values: Any, found: set[int]) -> None:
        for order, alternative in entries:
            if order not in found and meets(alternative, values):
                found.add(order)


def _texts(alternative: Alternative) -> dict[str, list[str]]:
    found = {path: texts_of(rules) for path, rules in alternative.items()}
    return {path: texts for path, texts in found.items() if texts is not None}
