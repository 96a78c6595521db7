"""Registries: what a user can name in text, with options that are read from the signature of what they build."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from manyshot.base.call_syntax import Call, Value, parse_call
from manyshot.base.entry_point_catalog import Catalog
from manyshot.base.errors import InputError
from manyshot.base.options import Option, Reader, accepted, options_of, read, to_value
from manyshot.base.suggest import did_you_mean

T = TypeVar("T")


@dataclass(frozen=True)
class Spec(Generic[T]):
    """What a text names, and all its options; builds it once the rest is known.

    Args:
        name: The registry's name for it.
        options: The value of every option, by name.
        registry: Where it was found.
    """

    name: str
    options: Mapping[str, Any]
    registry: "Registry[T]" = field(compare=False, repr=False)

    @property
    def factory(self) -> Callable[..., T]:
        """The class or function that builds it."""
        return self.registry[self.name]

    def build(self, **context: Any) -> T:  # noqa: ANN401 - what a factory takes
        """Build it.

        Args:
            **context: What is not written in text, such as the shape of the data; those that the factory does not take
                are left out.

        Raises:
            InputError: If an option is out of range, or the context does not fit.
            TypeError: If `context` holds a name that the registry does not know.
        """
        unknown = context.keys() - self.registry.context
        if unknown:
            raise TypeError(f"unknown context {sorted(unknown)}; known: {sorted(self.registry.context)}")
        make: Callable[..., T] = getattr(self.factory, "build", self.factory)
        return make(**accepted(make, context), **self.options)

    def __str__(self) -> str:
        return self.registry.write(self)


class Registry(Catalog[Callable[..., T]]):
    """Named factories, and a parser of their names with options: `maml(steps=5)`.

    The options are the parameters of the factory, with their annotations and defaults, less those that the caller
    supplies (`context`). A factory is a class or a function. A class may have a class method `build(**context,
    **options)`, which is then called instead of the constructor; its further parameters are options, too. A class may
    have a static method `check_options(**options)`, which refuses values out of range while nothing is built yet.

    Args:
        kind: What it builds, for error messages, such as "learner".
        entries: Classes or functions by name; a text "module:attribute" is imported on first use.
        base: The class of what is built, or several.
        context: Parameters that the caller supplies.
        aliases: Further names, to the names that they stand for.
        group: The group of entry points, such as "manyshot.learners".
        readers: Types of options that have a written form of their own.
        paths: Whether words may hold dots and slashes, for names of models and folders.

    Example:
        >>> from fractions import Fraction
        >>> def fraction(numerator: int, denominator: int = 1) -> Fraction:
        ...     return Fraction(numerator, denominator)
        >>> registry = Registry("number", {"fraction": fraction}, base=Fraction)
        >>> spec = registry.parse("fraction(1, denominator=3)")
        >>> spec.build(), str(spec)
        (Fraction(1, 3), 'fraction(numerator=1, denominator=3)')
    """

    def __init__(
        self,
        kind: str,
        entries: Mapping[str, Callable[..., T] | str],
        *,
        base: type | tuple[type, ...] = object,
        context: Iterable[str] = (),
        aliases: Mapping[str, str] | None = None,
        group: str | None = None,
        readers: Mapping[Any, Reader] | None = None,
        paths: bool = False,
    ) -> None:
        super().__init__(kind, entries, aliases=aliases, group=group)
        self.base, self.context, self.readers, self.paths = base, frozenset(context), readers or {}, paths

    def check(self, name: str, entry: object) -> None:
        """Refuse what is no factory of this registry's kind.

        Raises:
            InputError: In one line.
        """
        if not callable(entry):
            raise InputError(f"{self.kind} '{name}': {entry!r:.40} is neither a class nor a function")
        if inspect.isclass(entry) and not issubclass(entry, self.base):
            raise InputError(f"{self.kind} '{name}': class {entry.__name__} is not derived from {self._bases}")
        if hasattr(self.base, "build") and not inspect.isclass(entry):
            raise InputError(f"{self.kind} '{name}': give a class derived from {self._bases}, not a function")
        try:
            options_of(entry, self.context, self.readers)
        except InputError as error:
            raise InputError(f"{self.kind} '{name}': {error}") from None

    @property
    def _bases(self) -> str:
        bases = self.base if isinstance(self.base, tuple) else (self.base,)
        return " or ".join(base.__name__ for base in bases)

    def options(self, name: str) -> dict[str, Option]:
        """The options of an entry, in the order in which values by position fill them.

        Raises:
            InputError: If there is no such entry.
        """
        return options_of(self.find(name), self.context, self.readers)

    def parse(self, text: str) -> Spec[T]:
        """Parse a name with options.

        Raises:
            InputError: If the name or an option is unknown, or a value is of the wrong type or out of range.
        """
        spec = self.spec(parse_call(text, self.kind, self.paths))
        if not self.context:
            try:
                spec.build()
            except InputError as error:
                raise InputError(f"{self.kind}: '{text.strip()[:40]}': {error}") from None
        return spec

    def build(self, text: str, **context: Any) -> T:  # noqa: ANN401 - what a factory takes
        """Parse a name with options and build what it names.

        Args:
            text: Such as "maml(steps=5)".
            **context: See `Spec.build`.

        Raises:
            InputError: As `parse` and `Spec.build`.
        """
        return self.parse(text).build(**context)

    def spec(self, call: Call, also: Iterable[str] = ()) -> Spec[T]:
        """Look up a parsed call.

        Args:
            call: As `parse_call` gives it.
            also: Further options that the caller takes itself, for suggestions.

        Raises:
            InputError: If the name or an option is unknown, or a value is of the wrong type or out of range.
        """
        name = self.canonical(call.name)
        if name is None:
            call.fail(f"unknown {self.kind}", self.suggest(call.name))
        options = self.options(name)
        written = self._by_name(call, options, also)
        missing = [option.name for option in options.values() if option.required and option.name not in written]
        if missing:
            call.fail(f"no {missing[0]}", f"write {call.name}({missing[0]}=...)")
        values = {option.name: written.get(option.name, option.default) for option in options.values()}
        check = getattr(self[name], "check_options", None)
        if check is not None:
            try:
                check(**accepted(check, values))
            except InputError as error:
                raise InputError(f"{call.what}: {call.place}: {error}") from None
        return Spec(name, values, self)

    def _by_name(self, call: Call, options: Mapping[str, Option], also: Iterable[str]) -> dict[str, Any]:
        """The values that a call gives, by the names of the options."""
        written: dict[str, Any] = {}
        names, rest = list(options.values()), list(call.arguments)
        if names and names[0].is_sequence:
            sequence = names.pop(0)
            if rest:
                written[sequence.name], rest = _sequence(call, sequence, rest)
        if len(rest) > len(names):
            most = f"{call.name} takes at most {len(names)}: {', '.join(option.name for option in names)}"
            call.fail(f"{len(call.arguments)} values", most)
        for option, value in zip(names, rest, strict=False):
            written[option.name] = read(call, option.name, option.type, value, self.readers)
        for given, value in call.options:
            name = given.replace("-", "_")
            if name not in options:
                call.fail(f"unknown option '{given[:40]}'", did_you_mean(name, [*options, *also]))
            if options[name].is_sequence:
                call.fail(f"{name} by name", f"give its numbers by position, as in {call.name}(1, 2)")
            if name in written:
                call.fail(f"{name} is given by position and by name", "give it once")
            written[name] = read(call, name, options[name].type, value, self.readers)
        return written

    def write(self, spec: Spec[T]) -> str:
        """Write a specification with all its options, so that it keeps its meaning when defaults change."""
        types = self.options(spec.name)
        arguments: list[Value] = []
        options: list[tuple[str, Value]] = []
        for name, value in spec.options.items():
            if types[name].is_sequence:
                arguments += [float(one) for one in value]
            else:
                options.append((name, to_value(value, self.paths)))
        return str(Call(spec.name, tuple(arguments), tuple(options)))


def _sequence(call: Call, option: Option, rest: list[Value]) -> tuple[tuple[int, ...], list[Value]]:
    """The numbers of the leading sequence, which keep their defaults from the first that is not given on."""
    default = () if option.required else tuple(option.default)
    count = len(rest) if option.required else min(len(rest), len(default))
    numbers = tuple(read(call, option.name, int, value, {}) for value in rest[:count])
    return numbers + default[count:], rest[count:]
