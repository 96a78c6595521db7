"""A learned policy as a plan, which needs neither the policy nor its weights."""

from pathlib import Path

import numpy as np
import torch

from manyshot.augment import Plan
from manyshot.base import InputError
from manyshot.datasets import load_dataset
from manyshot.meta_augment.policy import ContextFreePolicy, OpPolicy
from manyshot.meta_augment.train import AugmenterRun
from manyshot.tasks import Examples


def policy_to_plan(run: AugmenterRun, like: Path | str | None = None, split: str | None = None) -> Plan:
    """The plan of a policy: for all tasks, or for those that look like some pictures.

    Args:
        run: of an augmenter that is a policy of ops.
        like: a folder or zip of pictures in class folders, all of which the policy looks at together. A policy that
            is the same for all tasks needs none.
        split: the part of the pictures, where they have parts.

    Raises:
        InputError: if the augmenter is no policy, looks at the task and is shown none, or has switched off every op.
    """
    policy = run.augmenter
    if not isinstance(policy, OpPolicy):
        raise InputError(
            f"{run.folder}: '{run.config.augmenter}' is no policy of ops, so there is no pipeline to write; have it "
            "make samples by `manyshot augment --run`"
        )
    if like is None and not isinstance(policy, ContextFreePolicy):
        raise InputError(
            f"{run.folder}: '{run.config.augmenter}' looks at the task; name pictures that the pipeline is to be for "
            "(--like FOLDER)"
        )
    if like is None:
        items, classes = torch.zeros(2, *run.shape), np.arange(2)
    else:
        source = load_dataset(Path(like).expanduser(), split, size=run.run.size, color=run.run.channels == 3)
        items, classes = source.gather(np.arange(len(source))).float() / 255, source.labels
    ways = int(classes.max()) + 1
    device = next((weight.device for weight in policy.parameters()), torch.device("cpu"))
    support = Examples(
        items[None],
        torch.eye(ways)[torch.from_numpy(classes)][None],
        torch.ones(1, len(items)),
        torch.ones(1, ways, dtype=torch.bool),
    ).to(device)
    plan = policy.to_plan(run.config.copies, support)
    if not plan.placements:
        raise InputError(f"{run.folder}: the policy has switched off every op, so there is nothing to write")
    return plan
