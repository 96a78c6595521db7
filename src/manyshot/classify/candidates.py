"""What `fit` may choose from: encoder, transform, head, and what is done with variants of the pictures."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from manyshot.base import InputError
from manyshot.classify.encoders import Kind
from manyshot.classify.heads import HEADS, Head, Transform

NO_PLAN = "none"

TRANSFORMS = (Transform(power=0.5), Transform(power=None))
"""Centered, of length 1, with and without Tukey's square root."""

HEAD_GRID = (
    *(f"ridge(penalty={penalty:g})" for penalty in (1e-3, 1e-2, 1e-1, 1)),
    *(f"logistic(penalty={penalty:g})" for penalty in (0.01, 0.1, 1)),
    "lda(shrinkage=0.5)",
    "centroid",
    "nearest",
)
"""Heads with the settings that are tried."""

VARIANTS = {"flip": 1, "crop(0.6)": 2, "affine": 2, "flip rotate90 crop(0.8)": 3}
"""Plans that are tried on pictures, in the order in which the budget is spent on them, and copies of each picture."""


@dataclass(frozen=True)
class Setting:
    """Everything of a candidate but its encoder.

    Args:
        transform: What happens to features before the head.
        head: Head by name, with its options.
        plan: Ops that make variants of a picture, as in a plan; "none" for none.
        copies: Variants of each picture.
        weight: Weight of all variants of a training example together, where the example itself weighs 1; 0 if they
            are not trained on.
        views: Whether a new picture is classified by the mean over itself and its variants.
    """

    transform: Transform
    head: str
    plan: str = NO_PLAN
    copies: int = 0
    weight: float = 0.0
    views: bool = False

    @property
    def key(self) -> str:
        """One line that names the setting, in tables of results.

        Example:
            >>> Setting(Transform(power=0.5), "centroid", "flip", 1, weight=1.0, views=True).key
            'power 0.5 | centroid | 1 x flip, weight 1, views'
        """
        variants = f"{self.copies} x {self.plan}, weight {self.weight:g}{', views' if self.views else ''}"
        return " | ".join((transform_name(self.transform), self.head, variants if self.copies else NO_PLAN))

    def build_head(self) -> Head:
        """The head."""
        return HEADS.build(self.head)

    def without_variants(self) -> "Setting":
        """The same without augmentation."""
        return replace(self, plan=NO_PLAN, copies=0, weight=0.0, views=False)


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
            "copies": setting.copies,
            "weight": setting.weight,
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


def settings(kind: Kind, heads: Sequence[str] | None = None, plans: dict[str, int] | None = None) -> list[Setting]:
    """All settings that are tried.

    Args:
        kind: "pictures" or "sentences"; sentences are not augmented unless a plan is given.
        heads: Heads with their options; `HEAD_GRID` if None.
        plans: Plans and the copies that each makes; `VARIANTS` for pictures if None. "none" is tried in any case.

    Raises:
        InputError: If a head is unknown.

    Example:
        >>> [setting.key for setting in settings("sentences", heads=["centroid"])]
        ['power 0.5 | centroid | none', 'centered | centroid | none']
    """
    if plans is None:
        plans = VARIANTS if kind == "pictures" else {}
    heads = HEAD_GRID if heads is None else heads
    for head in heads:
        HEADS.build(head)
    variants = [(NO_PLAN, 0, 0.0, False)]
    for plan, copies in plans.items():
        variants += [(plan, copies, 1.0, True), (plan, copies, 0.0, True), (plan, copies, 1.0, False)]
    return [Setting(transform, head, *variant) for variant in variants for transform in TRANSFORMS for head in heads]


def check_plan(text: str) -> str:
    """Check ops for variants of pictures or sentences, and bring them into their usual form.

    Args:
        text: Ops such as "flip crop(0.6)", or "none".

    Raises:
        InputError: If an op is unknown or acts on whole tasks, or clauses are given.

    Example:
        >>> check_plan("flip affine(10)")
        'flip affine(10)'
    """
    from manyshot.augment import Plan

    if text == NO_PLAN:
        return text
    if ":" in text:
        raise InputError(f"plan '{text}': give ops alone, such as 'flip affine'; they make variants of each example")
    Plan(f"shots: 1 x {text}")
    return text
