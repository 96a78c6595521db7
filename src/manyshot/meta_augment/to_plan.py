"""Conversion of a learned policy to a plan, which needs neither the policy nor its weights."""

from pathlib import Path

import numpy as np
import torch

from manyshot.augment import Plan
from manyshot.base import InputError
from manyshot.datasets import load_dataset
from manyshot.meta_augment.augmenter_run import AugmenterRun
from manyshot.meta_augment.policy import ContextFreePolicy, OpPolicy
from manyshot.tasks import Examples


def policy_to_plan(run: AugmenterRun, like: Path | str | None = None, split: str | None = None) -> Plan:
    """Convert a learned policy to a plan, for all tasks or for tasks like some images.

    Args:
        run: Run of an augmenter that is a policy of ops.
        like: Folder or zip of images in class folders, which together form the support that the policy is conditioned
            on. Not needed for a policy that is the same for all tasks.
        split: Split of the images, if they have splits.

    Raises:
        InputError: If the augmenter is no policy, is conditioned on the task but given no images, or has switched off
            every op.
    """
    policy = run.augmenter
    if not isinstance(policy, OpPolicy):
        raise InputError(
            f"{run.folder}: '{run.config.augmenter}' is no policy of ops, so it cannot be written as a pipeline; "
            "generate samples by `manyshot augment --run`, or by `augment` of the run"
        )
    if like is None and not isinstance(policy, ContextFreePolicy):
        raise InputError(
            f"{run.folder}: '{run.config.augmenter}' is conditioned on the task; give images of the task "
            "(like=FOLDER, or --like FOLDER)"
        )
    if like is None:
        items, classes = torch.zeros(2, *run.shape), np.arange(2)
    else:
        source = load_dataset(Path(like).expanduser(), split, size=run.run.size, color=run.run.channels == 3)
        items, classes = source.gather(np.arange(len(source))).float() / 255, source.labels
    device = next((weight.device for weight in policy.parameters()), torch.device("cpu"))
    support = Examples.of(items[None], torch.from_numpy(classes)).to(device)
    plan = policy.to_plan(run.config.copies, support)
    if not plan.placements:
        raise InputError(f"{run.folder}: the policy has switched off every op, so there is no pipeline to write")
    return plan
