"""The loss of the conditional autoencoder, beside distributions as torch has them."""

import pytest
import torch
from torch.distributions import Bernoulli, Normal, kl_divergence
from torch.nn import functional as F

from manyshot.generate import MODELS, Condition, DataSpec
from manyshot.generate.batches import Batch
from manyshot.generate.diff_augment import no_augmentation


@pytest.mark.parametrize("kl_weight", [0.0, 1.0, 3.0])
def test_the_loss_is_the_bound_on_the_likelihood_a_pixel(kl_weight):
    torch.manual_seed(0)
    objective = (
        MODELS.parse(f"cvae(4, encoder_width=4, noise=3, kl_weight={kl_weight})")
        .build(spec=DataSpec(shape=(1, 8, 8)))
        .double()
    )
    like, other = torch.rand(2, 5, 1, 8, 8, dtype=torch.float64)
    noise = torch.randn(5, 3, dtype=torch.float64)
    condition = Condition(like=like)
    mean, raw = objective.encoder(torch.cat([like, other], 1)).chunk(2, 1)
    seen = Normal(mean, F.logsigmoid(raw).exp())
    generated = Bernoulli(objective.model(seen.mean + seen.stddev * noise, condition), validate_args=False)
    divergence = kl_divergence(seen, Normal(0.0, 1.0)).sum()
    bound = (-generated.log_prob(other).sum() + kl_weight * divergence) / other.numel()
    result = objective.generator_loss(Batch(other, condition, torch.zeros(5, dtype=torch.long)), noise, no_augmentation)
    assert divergence > 1e-3
    assert result.item() == pytest.approx(bound.item(), rel=1e-9)
