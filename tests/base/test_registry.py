from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Literal

import pytest

from manyshot.base import InputError
from manyshot.base.registry import Registry, Spec


@dataclass(frozen=True)
class Blur:
    """Has an option of every type that text can express."""

    channels: int
    radius: int = 2
    sigma: float = 0.5
    keep_size: bool = True
    mode: Literal["box", "gauss-like"] = "box"
    order: Literal[1, 2] = 2
    note: str = "none said"
    limit: int | None = None
    inner: object = None

    @staticmethod
    def check_options(radius: int) -> None:
        if radius < 0:
            raise InputError(f"radius={radius}: give at least 0")


@dataclass(frozen=True)
class Stack:
    size: int
    widths: Sequence[int] = (8, 16, 32)
    pools: int = 1


class Base:
    @classmethod
    def build(cls, encoder, **options):
        return cls(encoder(), **options)


class Head(Base):
    def __init__(self, encoder: str, scale: float = 10.0) -> None:
        self.encoder, self.scale = encoder, scale


class Inner(Base):
    def __init__(self, model: str, steps: int = 5) -> None:
        self.model, self.steps = model, steps

    @classmethod
    def build(cls, encoder, norm: str = "group", **options):
        return cls(f"{encoder()} by {norm}", **options)


def filters() -> Registry:
    return Registry(
        "filter",
        {"blur": Blur, "two-words": Blur, "stack": Stack, "lazy": "fractions:Fraction"},
        context=("channels", "size"),
        aliases={"smooth": "blur"},
    )


class TestParsing:
    def test_options_are_the_parameters_without_the_context(self):
        options = filters().options("blur")
        assert list(options) == ["radius", "sigma", "keep_size", "mode", "order", "note", "limit"]
        assert options["radius"].default == 2

    def test_values_come_by_position_and_by_name(self):
        assert filters().parse("blur(3, 0.25, note=abc)").build(channels=1) == Blur(1, 3, 0.25, note="abc")

    def test_hyphens_and_underscores_are_the_same_everywhere(self):
        registry = filters()
        for text in ("two-words(keep-size=no)", "two_words(keep_size=no)"):
            assert registry.parse(text).build(channels=3) == Blur(3, keep_size=False)
        assert registry.parse("blur(mode=gauss_like)").options["mode"] == "gauss-like"
        assert "two_words" in registry
        assert list(registry)[1] == "two-words"

    def test_an_alias_is_written_by_its_canonical_name(self):
        assert str(filters().parse("smooth(1)")).startswith("blur(radius=1, ")

    def test_a_written_specification_reads_back_with_every_option(self):
        registry = filters()
        spec = registry.parse('blur(note="two words", limit=none)')
        assert str(spec) == (
            'blur(radius=2, sigma=0.5, keep_size=yes, mode=box, order=2, note="two words", limit=none)'
        )
        assert registry.parse(str(spec)) == spec

    def test_an_optional_number_may_be_given_or_none(self):
        assert filters().parse("blur(limit=3)").options["limit"] == 3

    def test_a_leading_sequence_takes_the_values_by_position_and_keeps_the_rest_of_its_default(self):
        registry = filters()
        assert registry.parse("stack(1, 2, 3, 0)").build(size=8) == Stack(8, (1, 2, 3), 0)
        assert registry.parse("stack(4)").build(size=8) == Stack(8, (4, 16, 32))
        assert str(registry.parse("stack(pools=0)")) == "stack(8, 16, 32, pools=0)"

    @pytest.mark.parametrize(
        ("text", "parts"),
        [
            ("blr", ["unknown filter", "did you mean 'blur'?"]),
            ("blur(radus=1)", ["unknown option 'radus'", "did you mean 'radius'?"]),
            ("blur(channels=1)", ["unknown option 'channels'"]),
            ("blur(sigma=wide)", ["sigma=wide", "give a number"]),
            ("blur(radius=1.5)", ["radius=1.5", "give a whole number"]),
            ("blur(keep_size=3)", ["keep_size=3", "give yes or no"]),
            ("blur(mode=bx)", ["mode=bx", "did you mean 'box'?"]),
            ("blur(order=3)", ["order=3", "give 1 or 2"]),
            ("blur(1, radius=2)", ["radius is given by position and by name"]),
            ("blur(radius=-1)", ["'blur(radius=-1)' (character 1)", "radius=-1: give at least 0"]),
            ("stack(widths=8)", ["widths by name", "by position"]),
            ("stack(1, 2, 3, 4, 5)", ["5 values", "at most"]),
            ("lazy(1.5)", ["'lazy(1.5)'"]),
            ("blur(", ["the filter ends"]),
        ],
    )
    def test_what_cannot_be_used_is_one_line_that_says_how_to_mend_it(self, text, parts):
        with pytest.raises(InputError) as caught:
            filters().parse(text)
        assert "\n" not in str(caught.value)
        for part in parts:
            assert part in str(caught.value)

    def test_without_context_a_wrong_value_is_refused_by_building(self):
        def positive(value: float = 1.0) -> float:
            if value <= 0:
                raise InputError(f"value={value}: give a positive number")
            return value

        with pytest.raises(InputError, match=r"number: 'positive\(0\)': value=0.0: give a positive number"):
            Registry("number", {"positive": positive}).parse("positive(0)")

    def test_an_unknown_context_is_a_mistake_of_the_program(self):
        with pytest.raises(TypeError, match="unknown context"):
            filters().parse("blur").build(chanels=1)


class TestClassesThatBuild:
    registry = Registry("learner", {"head": Head, "inner": Inner}, base=Base, context=("encoder", "model", "ways"))

    def test_the_class_method_gets_the_context_that_it_takes(self):
        head = self.registry.parse("head(2)").build(encoder=lambda: "conv", ways=5)
        assert (head.encoder, head.scale) == ("conv", 2.0)

    def test_its_own_parameters_are_options_too(self):
        assert list(self.registry.options("inner")) == ["steps", "norm"]
        assert self.registry.parse("inner(3, norm=task)").build(encoder=lambda: "conv").model == "conv by task"


class TestRegistering:
    def test_a_registered_factory_is_parsed_like_the_others(self):
        registry = filters()
        registry.register("sharpen", lambda amount=1.0: amount, aliases=("unsharp-mask",))
        assert registry.names()[-1] == "sharpen"
        assert registry.parse("unsharp_mask").build() == 1.0

    @pytest.mark.parametrize("name", ["blur", "smooth", "two_words", "two words", "", "9"])
    def test_a_name_that_is_taken_or_no_word_is_refused(self, name):
        with pytest.raises(InputError):
            filters().register(name, Blur)

    @pytest.mark.parametrize(
        ("factory", "message"),
        [
            (3, "neither a class nor a function"),
            (Blur, "class Blur is not derived from Base"),
            (lambda encoder: None, "give a class derived from Base"),
        ],
    )
    def test_what_is_no_factory_of_the_kind_is_refused(self, factory, message):
        registry = Registry("learner", {}, base=Base, context=("encoder",))
        with pytest.raises(InputError, match=message):
            registry.register("new", factory)

    def test_a_required_parameter_without_a_written_form_is_refused(self):
        def needs(loader: object) -> None:
            return None

        with pytest.raises(InputError, match="'needs-it': needs: parameter 'loader' needs a default"):
            filters().register("needs-it", needs)

    def test_an_entry_can_be_removed(self):
        registry = filters()
        del registry["blur"]
        assert "blur" not in registry
        assert "smooth" not in registry
        assert len(registry) == 3


class TestEntryPoints:
    @pytest.fixture
    def points(self, monkeypatch):
        def install(**values: str) -> list[str]:
            asked: list[str] = []

            def entry_points(group: str) -> list[metadata.EntryPoint]:
                asked.append(group)
                return [metadata.EntryPoint(name, value, group) for name, value in values.items()]

            monkeypatch.setattr(metadata, "entry_points", entry_points)
            return asked

        return install

    def registry(self) -> Registry:
        return Registry("number", {"half": lambda: 0.5}, group="manyshot.numbers")

    def test_are_asked_for_only_when_a_name_is_unknown(self, points):
        asked = points(whole="builtins:int")
        registry = self.registry()
        assert registry["half"]() == 0.5
        assert asked == []
        assert registry["whole"] is int
        assert asked == ["manyshot.numbers"]

    def test_are_listed(self, points):
        points(whole="builtins:int")
        assert self.registry().names() == ("half", "whole")

    def test_that_cannot_be_imported_are_refused_in_one_line(self, points):
        points(broken="no_such_module:Number")
        with pytest.raises(InputError, match="number 'broken': no_such_module:Number cannot be imported"):
            self.registry().find("broken")

    def test_cannot_replace_a_known_name(self, points):
        points(half="builtins:int")
        registry = self.registry()
        with pytest.warns(UserWarning, match="number 'half' exists already"):
            assert registry.names() == ("half",)


def test_equal_texts_are_equal_specifications():
    registry = filters()
    assert registry.parse("blur(radius=2)") == registry.parse("smooth")
    assert isinstance(registry.parse("blur"), Spec)
