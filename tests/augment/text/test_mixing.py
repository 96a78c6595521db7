"""Mixing of sentences: their vectors, their words' vectors, and at a hidden layer of a transformer."""

import pytest
import torch

from manyshot.augment import Plan
from manyshot.augment.mix import CutMix, Mixup, SometimesMix, mix_batch, mix_examples, mixed_behind
from manyshot.base import InputError
from manyshot.tasks import Episode, Examples


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def examples(*shape, missing=False):
    weight = torch.ones(2, 4)
    weight[:, -1] = 0.0 if missing else 1.0
    return Examples(torch.rand(2, 4, *shape), torch.eye(4).expand(2, 4, 4), weight, torch.ones(2, 4) > 0)


@pytest.mark.parametrize("shape", [(6,), (5, 6)])
@pytest.mark.parametrize("mix", [Mixup(1.0), SometimesMix(Mixup(1.0), 0.5)])
def test_vectors_are_blended_with_their_labels_and_with_none_that_is_missing(shape, mix):
    plain = examples(*shape, missing=True)
    mixed = mix_examples(mix, plain, generator())
    rebuilt = torch.einsum("tnk,tk...->tn...", mixed.labels, plain.items)
    assert torch.allclose(mixed.items[:, :3], rebuilt[:, :3], atol=1e-6)
    assert mixed.items[:, 3].equal(plain.items[:, 3])
    assert (mixed.labels[:, :3, 3] == 0).all()
    assert (mixed.labels[:, :3].amax(-1) < 1).any()


def test_plain_batches_of_vectors_are_blended_too():
    items, labels = mix_batch(Mixup(1.0), torch.eye(8), torch.eye(8), generator())
    assert torch.allclose(items, labels)


def test_a_plan_mixes_vectors():
    side = examples(6)
    changed = Plan("support: mixup(1)").apply(Episode(side, side, torch.zeros(2, 4, dtype=torch.long)), generator())
    assert (changed.support.labels.amax(-1) < 1).any()
    assert changed.query.items.equal(side.items)


def test_vectors_have_nothing_to_cut():
    with pytest.raises(InputError, match="CutMix: only images can be mixed"):
        mix_examples(CutMix(), examples(6), generator())


@pytest.fixture
def bert(masked_model):
    transformers = pytest.importorskip("transformers")
    return (
        transformers.AutoModel.from_pretrained(masked_model).eval(),
        transformers.AutoTokenizer.from_pretrained(masked_model),
    )


class TestAtAHiddenLayer:
    texts = ("buy a good cup of tea", "the big cold house", "where can i buy")
    share = torch.tensor([0.3, 1.0, 0.6])
    partners = torch.tensor([1, 2, 0])

    def states(self, bert, layer):
        net, tokenizer = bert
        tokens = tokenizer(list(self.texts), padding=True, return_tensors="pt")
        tokens["attention_mask"] = torch.maximum(tokens["attention_mask"], tokens["attention_mask"][self.partners])
        with mixed_behind(layer, self.share, self.partners):
            mixed = net(**tokens).last_hidden_state
        return mixed, net(**tokens).last_hidden_state

    def test_the_last_layer_mixed_is_the_result_mixed(self, bert):
        mixed, plain = self.states(bert, bert[0].encoder.layer[-1])
        own = self.share[:, None, None]
        assert torch.allclose(mixed, own * plain + (1 - own) * plain[self.partners], atol=1e-6)

    def test_a_hidden_layer_goes_through_the_rest_of_the_network(self, bert):
        mixed, plain = self.states(bert, bert[0].encoder.layer[0])
        own = self.share[:, None, None]
        assert not torch.allclose(mixed, own * plain + (1 - own) * plain[self.partners], atol=1e-3)
        assert torch.allclose(mixed[1], plain[1], atol=1e-6)  # its share is 1

    def test_the_embeddings_mixed_are_word_mixup(self, bert):
        net, tokenizer = bert
        tokens = tokenizer(list(self.texts), padding=True, return_tensors="pt")
        mask = torch.maximum(tokens["attention_mask"], tokens["attention_mask"][self.partners])
        embedded = net.embeddings(tokens["input_ids"])
        blended, _ = Mixup().apply(embedded, torch.eye(3), {"share": self.share}, self.partners[:, None])
        with mixed_behind(net.embeddings, self.share, self.partners):
            mixed = net(input_ids=tokens["input_ids"], attention_mask=mask).last_hidden_state
        by_hand = blended
        wide = torch.where(mask[:, None, None].bool(), 0.0, torch.finfo(torch.float32).min)
        for layer in net.encoder.layer:
            by_hand = layer(by_hand, attention_mask=wide)
            by_hand = by_hand[0] if isinstance(by_hand, tuple) else by_hand
        assert torch.allclose(mixed, by_hand, atol=1e-5)

    def test_the_network_is_as_it_was_afterwards_even_after_an_error(self, bert):
        net, tokenizer = bert
        tokens = tokenizer(list(self.texts), padding=True, return_tensors="pt")
        before = net(**tokens).last_hidden_state
        with pytest.raises(RuntimeError), mixed_behind(net.embeddings, self.share, torch.tensor([7, 7, 7])):
            raise RuntimeError
        assert net(**tokens).last_hidden_state.equal(before)

    def test_shares_have_a_gradient(self):
        layer = torch.nn.Linear(2, 2)
        share = torch.tensor([0.3, 0.7], requires_grad=True)
        with mixed_behind(layer, share, torch.tensor([1, 0])):
            layer(torch.rand(2, 2)).square().sum().backward()
        assert (share.grad.abs() > 0).all()
