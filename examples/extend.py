"""Extend without a fork: an operation and a learner of one's own, known to plans, configurations and the command line.

A package does the same by entry points: `[project.entry-points."manyshot.ops"]`, `... "manyshot.learners"`.
"""

from dataclasses import dataclass

import torch
from torch.nn import functional as F

import manyshot as ms
from manyshot.augment.image.image_op import ImageOp
from manyshot.augment.ops.op import uniform


@dataclass(frozen=True)
class Fade(ImageOp):
    """Darken each image by its own random factor."""

    strength: float = 0.5

    def sample(self, n, generator):
        return {"factor": 1 - uniform(n, 0, self.strength, generator)}

    def change(self, images, params):
        return images * params["factor"].to(images)[:, None, None, None]


class Cosine(ms.FeatureLearner):
    """Classify by the cosine with the class means."""

    def __init__(self, encoder, scale: float = 10.0):
        super().__init__(encoder)
        self.scale = scale

    def head(self, features, support):
        sums = (support.labels * support.weight[..., None]).mT @ F.normalize(features, dim=-1)
        means = F.normalize(sums, dim=-1)
        return lambda queries, weight: self.scale * F.normalize(queries, dim=-1) @ means.mT


ms.register("op", "fade", Fade)
ms.register("learner", "cosine", Cosine)

episode = ms.EpisodeSampler(ms.load_dataset("digits"), ways=5, shots=1, queries=10).batch(0, 40)
plan = ms.Plan("support: fade(0.8)")
for learner in (Cosine(torch.nn.Flatten()), ms.Prototypes(torch.nn.Flatten())):
    accuracy = [ms.evaluate(learner, [episode], use).mean for use in (None, plan)]
    print(f"{type(learner).__name__}: {accuracy[0]:.1%}, with faded support {accuracy[1]:.1%}")
print(ms.Config("digits", learner="cosine(scale=20)", plan="support: fade").learner)
