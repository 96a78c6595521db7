"""What `fit` may choose from: encoder, transform, head, and variants of the examples."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from manyshot.base import InputError
from manyshot.classify.examples.example_set import Kind
from manyshot.classify.heads import HEADS, Head, Transform

NO_PLAN = "none"

TRANSFORMS: Mapping[Kind, tuple[Transform, ...]] = {
    "pictures": (Transform(power=0.5),),
    "sentences": (Transform(power=0.5), Transform()),
    "sounds": (Transform(power=0.5), Transform()),
    "scans": (Transform(power=0.5),),
}
"""What is tried, centered and of length 1 in any case: Tukey's square root, which convolutional features want."""

HEAD_GRID = (*(f"ridge(penalty={penalty:g})" for penalty in (1e-2, 1e-1, 1)), "lda(shrinkage=0.5)")
"""Heads with the settings that are tried; the others, centroid and nearest, were nowhere better."""

PLAIN_HEADS: Mapping[Kind, tuple[str, ...]] = {
    "pictures": (),
    "sentences": ("logistic(penalty=0.1)",),
    "sounds": ("logistic(penalty=0.1)",),
    "scans": (),
}
"""Heads that are tried on examples without variants alone: with them they take minutes, and LDA does as well."""

Variants = tuple[tuple[str, int], ...]
"""Plans and the copies that each makes of an example."""

LEARNED_PLAN = "learned"
LEARNED: Variants = (("resized_crop(0.4)", 2), ("blur(7) noise(0.1)", 2))
"""The mix of two ops that gained most in tasks of thirteen families of data sets, at 2 and 5 examples of a class, with
strengths for the size of the encoders' pictures. Looking at the examples gained nothing over it there, so `fit` does
not look: the mix is the same whatever examples are held out."""

TOGETHER: tuple[Variants, ...] = (
    (("affine", 2),),
    LEARNED,
    (("affine", 2), ("crop(0.6)", 2), ("flip", 1)),
)
"""Variants of pictures that are tried, in the order in which the budget is spent on them."""

_MOVED_SCAN = "affine3(10, 1.1, 0.05, 0.05, padding_mode=border)"
TOGETHER_OF: Mapping[Kind, tuple[Variants, ...]] = {
    "pictures": TOGETHER,
    "scans": (((_MOVED_SCAN, 2),), ((f"{_MOVED_SCAN} bias_field3(0.3) gamma(1.3) rician(0.03)", 2),)),
}
"""Variants of each kind; none of sentences and recordings."""


def mirrors(variants: Variants) -> bool:
    """Whether variants may be mirrored pictures.

    Args:
        variants: Plans and their numbers of copies.

    Example:
        >>> mirrors((("affine", 2), ("flip", 1))), mirrors((("affine", 2),))
        (True, False)
    """
    return any(re.search(r"\bflip", plan) for plan, _ in variants)


@dataclass(frozen=True)
class Setting:
    """Everything of a candidate but its encoder.

    Args:
        transform: What happens to features before the head.
        head: Head by name, with its options.
        variants: Plans that make variants of an example, with their numbers of copies. All variants of a training
            example together weigh as much as the example itself.
        views: Whether a new example is classified by the mean of the logits of itself and its variants.
    """

    transform: Transform
    head: str
    variants: Variants = ()
    views: bool = False

    @property
    def copies(self) -> int:
        """Number of variants of an example."""
        return sum(copies for _, copies in self.variants)

    @property
    def plan(self) -> str:
        """The variants as text.

        Example:
            >>> Setting(Transform(), "centroid", (("flip", 1), ("affine", 2))).plan
            '1 x flip + 2 x affine'
        """
        return " + ".join(f"{copies} x {plan}" for plan, copies in self.variants) or NO_PLAN

    @property
    def key(self) -> str:
        """One line that names the setting, in tables of results.

        Example:
            >>> Setting(Transform(power=0.5), "centroid", (("flip", 1),), views=True).key
            'power 0.5 | centroid | 1 x flip, views'
        """
        return " | ".join((transform_name(self.transform), self.head, self.plan + ", views" * self.views))

    def build_head(self) -> Head:
        """The head."""
        return HEADS.build(self.head)


@dataclass(frozen=True)
class Candidate:
    """An encoder and a setting.

    Args:
        encoder: Name of the encoder, or of several joined by "+".
        setting: The rest.
    """

    encoder: str
    setting: Setting

    def as_dict(self) -> dict[str, object]:
        """The candidate for JSON."""
        setting = self.setting
        return {
            "encoder": self.encoder,
            "transform": transform_name(setting.transform),
            "head": setting.head,
            "plan": setting.plan,
            "views": setting.views,
        }


def transform_name(transform: Transform) -> str:
    """A transform in a few words.

    Example:
        >>> transform_name(Transform(power=0.5)), transform_name(Transform(center=False, normalize=False))
        ('power 0.5', 'raw')
    """
    words = [f"power {transform.power:g}"] if transform.power is not None else []
    if not transform.center or not transform.normalize:
        kept = [word for word, there in (("center", transform.center), ("normalize", transform.normalize)) if there]
        words += kept or ["raw"]
    return ", ".join(words) or "centered"


def settings(
    kind: Kind, heads: Sequence[str] | None = None, together: Sequence[Variants] | None = None
) -> list[Setting]:
    """All settings that are tried.

    New examples are classified by the mean over the same variants, since training on variants alone gained little.

    Args:
        kind: What the examples are; sentences and recordings are not augmented unless a plan is given.
        heads: Heads with their options; `HEAD_GRID` and `PLAIN_HEADS` if None.
        together: Variants that are tried; those of `TOGETHER_OF` if None. No variants at all are tried, too.

    Raises:
        InputError: If a head is unknown.

    Example:
        >>> [setting.key for setting in settings("sentences", heads=["centroid"])]
        ['power 0.5 | centroid | none', 'centered | centroid | none']
    """
    if together is None:
        together = TOGETHER_OF.get(kind, ())
    plain = (*HEAD_GRID, *PLAIN_HEADS[kind]) if heads is None else heads
    augmented = HEAD_GRID if heads is None else heads
    for head in plain:
        HEADS.build(head)
    return [
        Setting(transform, head, chosen, views=bool(chosen))
        for chosen in ((), *together)
        for transform in TRANSFORMS[kind]
        for head in (augmented if chosen else plain)
    ]


def check_plan(text: str) -> str:
    """Check ops for variants of examples, and bring them into their usual form.

    Args:
        text: Ops such as "flip crop(0.6)"; a preset such as "xray", for its ops on shots or else on the support; or
            "none".

    Raises:
        InputError: If an op is unknown or acts on whole tasks, or clauses are given.

    Example:
        >>> check_plan("flip affine(10)")
        'flip affine(10)'
        >>> check_plan("eda"), check_plan("shot-flip")
        ('eda', 'flip(1)')
    """
    from manyshot.augment import Plan
    from manyshot.augment.plan.presets import PRESETS

    if text == NO_PLAN:
        return text
    if text in PRESETS:
        clauses = dict(clause.split(": ", 1) for clause in PRESETS[text].plan.split("; "))
        text = next(clauses[place] for place in ("shots", "support", "support+query") if place in clauses)
        text = re.sub(r"^[0-9]+ x ", "", text)
    if ":" in text:
        raise InputError(f"plan '{text}': give ops alone, such as 'flip affine'; they make variants of each example")
    Plan(f"shots: 1 x {text}")
    return text
