"""Catalogs: named entries that packages can add to, imported only when they are used."""

import warnings
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from importlib import import_module, metadata
from typing import TypeVar

from manyshot.base.errors import InputError
from manyshot.base.suggest import did_you_mean

E = TypeVar("E")


def spelled(name: str) -> str:
    """A name with hyphens, by which `meta_sgd` and `meta-sgd` are the same.

    Example:
        >>> spelled("meta_sgd")
        'meta-sgd'
    """
    return name.replace("_", "-")


class Catalog(MutableMapping[str, E]):
    """Named entries, some of which may be imported only when they are first asked for.

    Hyphens and underscores in names are the same; names are kept with hyphens. Packages add entries by `register`, or
    without being imported by an entry point, which is looked up when a name is unknown or the names are listed.

    Args:
        kind: What an entry is, for error messages, such as "learner".
        entries: Entries by name; a text "module:attribute" is imported on first use.
        aliases: Further names, to the names that they stand for.
        group: The group of entry points, such as "manyshot.learners".

    Example:
        >>> norms = Catalog("norm", {"euclidean": "math:hypot"}, aliases={"l2": "euclidean"})
        >>> norms["l2"](3, 4)
        5.0
        >>> norms.find("euclidian")
        Traceback (most recent call last):
        manyshot.base.errors.InputError: unknown norm 'euclidian'; did you mean 'euclidean'?
    """

    def __init__(
        self,
        kind: str,
        entries: Mapping[str, E | str],
        *,
        aliases: Mapping[str, str] | None = None,
        group: str | None = None,
    ) -> None:
        self.kind, self.group = kind, group
        self._entries: dict[str, E | str | metadata.EntryPoint] = {spelled(name): e for name, e in entries.items()}
        self._aliases = {spelled(alias): spelled(name) for alias, name in (aliases or {}).items()}
        self._discovered = group is None

    def register(self, name: str, entry: E, *, aliases: Iterable[str] = ()) -> E:
        """Add an entry.

        Args:
            name: Its name in text.
            entry: What it names.
            aliases: Further names.

        Returns:
            The entry.

        Raises:
            InputError: If a name is taken or is not a word, or the entry is not of this registry's kind.
        """
        for new in (name, *aliases):
            if not isinstance(new, str) or not new.replace("-", "_").isidentifier():
                raise InputError(f"{self.kind} {new!r}: give a name of letters, digits and hyphens")
            if self.canonical(new) is not None:
                raise InputError(f"{self.kind} '{new}' exists already; choose another name")
        self.check(name, entry)
        self._entries[spelled(name)] = entry
        self._aliases.update((spelled(alias), spelled(name)) for alias in aliases)
        return entry

    def check(self, name: str, entry: object) -> None:
        """Refuse an entry that is not of this registry's kind (default: accept all).

        Raises:
            InputError: In one line.
        """

    def canonical(self, name: str) -> str | None:
        """The name by which an entry is kept; None if it is unknown."""
        found = self._aliases.get(spelled(name), spelled(name))
        if found not in self._entries:
            self._discover()
            found = self._aliases.get(spelled(name), spelled(name))
        return found if found in self._entries else None

    def find(self, name: str) -> E:
        """The entry of this name.

        Raises:
            InputError: If there is none, or it cannot be imported.
        """
        known = self.canonical(name)
        if known is None:
            raise InputError(f"unknown {self.kind} '{name[:40]}'; {self.suggest(name)}")
        return self[known]

    def suggest(self, name: str) -> str:
        """The end of an error message about an unknown name."""
        return did_you_mean(spelled(name), [*self.names(), *self._aliases])

    def names(self) -> tuple[str, ...]:
        """All names, without aliases."""
        self._discover()
        return tuple(self._entries)

    def aliases(self, name: str) -> tuple[str, ...]:
        """The further names of an entry."""
        return tuple(alias for alias, known in self._aliases.items() if known == self.canonical(name))

    def __getitem__(self, name: str) -> E:
        known = self.canonical(name)
        if known is None:
            raise KeyError(name)
        entry = self._entries[known]
        if isinstance(entry, str):
            module, _, attribute = entry.partition(":")
            entry = getattr(import_module(module), attribute)
        elif isinstance(entry, metadata.EntryPoint):
            entry = self._load(known, entry)
        self._entries[known] = entry
        return entry

    def _load(self, name: str, point: metadata.EntryPoint) -> E:
        try:
            entry: E = point.load()
        except Exception as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise InputError(f"{self.kind} '{name}': {point.value} cannot be imported ({reason})") from error
        self.check(name, entry)
        return entry

    def _discover(self) -> None:
        if self._discovered or self.group is None:
            return
        self._discovered = True
        for point in metadata.entry_points(group=self.group):
            name = spelled(point.name)
            if name in self._entries or name in self._aliases:
                warnings.warn(f"{self.kind} '{name}' exists already; {point.value} is not used", stacklevel=3)
            else:
                self._entries[name] = point

    def __setitem__(self, name: str, entry: E) -> None:
        self.register(name, entry)

    def __delitem__(self, name: str) -> None:
        known = self.canonical(name)
        if known is None:
            raise KeyError(name)
        del self._entries[known]
        self._aliases = {alias: other for alias, other in self._aliases.items() if other != known}

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.canonical(name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __len__(self) -> int:
        return len(self.names())
