"""Weights under the older name of a submodule."""

import torch
from torch import nn

from manyshot.runtime.renamed_weights import accept_old_names


class Renamed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.model = nn.Linear(2, 1)
        accept_old_names(self, {"generator": "model"})


class TestWeightsOfARenamedSubmodule:
    def test_are_read_under_the_old_name_and_under_the_new_one(self):
        module = nn.Sequential(Renamed())
        new = {name: torch.ones_like(value) for name, value in module.state_dict().items()}
        old = {name.replace("model", "generator"): 2 * value for name, value in new.items()}
        for weights, value in ((old, 2.0), (new, 1.0)):
            module.load_state_dict(weights)
            assert module[0].model.weight.eq(value).all()

    def test_a_tensor_of_the_module_itself_may_be_renamed_too(self):
        module = nn.Linear(2, 1)
        accept_old_names(module, {"slope": "weight"})
        weights = {"slope": torch.ones(1, 2), "bias": torch.zeros(1)}
        assert not any(module.load_state_dict(weights))
        assert module.weight.eq(1).all()

    def test_are_missed_where_they_are_under_neither(self):
        result = nn.Sequential(Renamed()).load_state_dict({}, strict=False)
        assert result.missing_keys == ["0.model.weight", "0.model.bias"]
