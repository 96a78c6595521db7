"""The augmenters that arms use at test time."""

from collections.abc import Mapping, Sequence

from manyshot.base import InputError
from manyshot.compare.arm import Arm
from manyshot.meta_augment import LearnedAugmenter
from manyshot.meta_augment.augmenter_run import load_augmenter_run, same_encoder
from manyshot.training.load_run import Run


def load_augmenters(arms: Sequence[Arm], runs: Mapping[str, Sequence[Run]]) -> dict[str, LearnedAugmenter]:
    """Load the augmenter of each arm that has one.

    Args:
        arms: Arms of a comparison.
        runs: Runs of each arm by name.

    Raises:
        InputError: If a folder holds no augmenter, or one of features of another encoder than that of the arm's runs.

    Example:
        >>> load_augmenters([Arm.parse("none")], {})
        {}
    """
    loaded = {}
    for arm in arms:
        if arm.test_augmenter is None:
            continue
        found = load_augmenter_run(arm.test_augmenter)
        if found.augmenter.space == "features":
            for run in runs[arm.name]:
                if not same_encoder(found.learner, run.learner):
                    raise InputError(
                        f"arm '{arm.name}': {arm.test_augmenter} generates features of another encoder; train one for "
                        "the encoder of this arm"
                    )
        loaded[arm.name] = found.augmenter
    return loaded
