"""Words weighed by how rare they are and how much they tell."""

import pytest
import torch
from torch import nn

from manyshot.base import InputError
from manyshot.learners import LEARNERS, DistributionalSignatures
from manyshot.nets import TextEncoder
from manyshot.nets.ngrams import NGrams
from manyshot.tasks import EpisodeSampler, Examples, Source

TOPICS = {"music": "jazz song band", "money": "bill bank pay", "sky": "rain sun cloud", "food": "tea soup rice"}
FILLERS = "please could you the a of to now"


def learner(**options) -> DistributionalSignatures:
    torch.manual_seed(0)
    return DistributionalSignatures(TextEncoder(NGrams(64)), **({"hidden": 4} | options)).double().eval()


def sampler(topics=tuple(TOPICS), seed: int = 0, **sizes) -> EpisodeSampler:
    """Sentences of one word of the topic among fillers that say nothing."""
    draw, texts, labels = torch.Generator().manual_seed(seed), [], []
    fillers = FILLERS.split()
    for topic in topics:
        for i in range(30):
            words = [fillers[j] for j in torch.randint(len(fillers), (5,), generator=draw).tolist()]
            words.insert(i % 5, TOPICS[topic].split()[i % 3])
            texts.append(" ".join(words) + " ?" * (i % 3))
            labels.append(topic)
    return EpisodeSampler(Source.of(texts, labels), **({"ways": 3, "shots": 3, "queries": 4} | sizes))


def episode(**sizes):
    built = sampler(**sizes).batch(0, 2)
    return built.to("cpu", torch.float64)


def plainly(made: DistributionalSignatures, support: Examples, queries: list[str]) -> torch.Tensor:
    """One task, a word at a time."""
    penalty, scale = made.log_penalty.exp(), made.log_scale.exp()
    ways = support.labels.shape[-1]

    def read(text):
        words = made.encoder.words([text])
        return words.vectors[0].double(), words.ids[0]

    def ridge(rows):
        x = torch.cat([torch.stack(rows), torch.ones(len(rows), 1).double()], 1)
        weighted = x.T * support.weight[0]
        return torch.linalg.inv(weighted @ x + penalty * torch.eye(x.shape[1]).double()) @ weighted @ support.labels[0]

    def with_one(v):
        return torch.cat([v, torch.ones(1).double()])

    guess = ridge([read(text)[0].mean(0) for text in support.items[0]])

    def phi(text):
        vectors, ids = read(text)
        signatures = []
        for vector, number in zip(vectors, ids, strict=True):
            rarity = 1e-3 / (1e-3 + made.counts[number] / made.counts.sum().clamp(min=1))
            chances = (scale * with_one(vector) @ guess).softmax(0)
            entropy = -(chances * chances.log()).sum() / torch.tensor(float(ways)).log()
            signatures.append(torch.stack([rarity, 1 / entropy.clamp(min=0.01)]))
        states, _ = made.network(torch.stack(signatures)[None])
        weights = made.attend(states)[0, :, 0].softmax(0)
        return (weights[:, None] * vectors).sum(0)

    maps = ridge([phi(text) for text in support.items[0]])
    return torch.stack([scale * with_one(phi(text)) @ maps for text in queries])


def test_equals_a_plain_loop_over_words():
    built, tasks = learner(), episode()
    built.train()
    built.loss(tasks)  # so that there are counts
    built.eval()
    result = built.adapt(tasks.support)(tasks.query.items)
    assert torch.allclose(result[0], plainly(built, tasks.support[:1], tasks.query.items[0]), atol=1e-6)


def test_a_longer_neighbor_changes_nothing():
    built, tasks = learner(), episode()
    judge = built.adapt(tasks.support)
    alone = judge([[text] for text, *_ in tasks.query.items])
    beside = judge([[text, "a b c d e f g h i j k l m n"] for text, *_ in tasks.query.items])
    assert torch.allclose(alone[:, 0], beside[:, 0], atol=1e-9)


def test_an_item_of_weight_zero_counts_as_absent():
    built, tasks = learner(), episode()
    weight = tasks.support.weight.clone()
    weight[:, 0] = 0
    padded = Examples(tasks.support.items, tasks.support.labels, weight, tasks.support.class_mask)
    without = Examples(
        [row[1:] for row in tasks.support.items], tasks.support.labels[:, 1:], weight[:, 1:], tasks.support.class_mask
    )
    assert torch.allclose(built.adapt(padded)(tasks.query.items), built.adapt(without)(tasks.query.items), atol=1e-9)


def test_words_are_counted_in_training_alone_and_only_real_ones():
    built, tasks = learner(), episode()
    built.loss(tasks)
    assert built.counts.sum() == 0
    built.train()
    built.loss(tasks)
    real = sum(len(text.split()) for side in (tasks.support, tasks.query) for row in side.items for text in row)
    assert built.counts.sum() == real
    tasks.query.weight[:] = 0
    before = built.counts.sum()
    built.loss(tasks)
    of_support = sum(len(text.split()) for row in tasks.support.items for text in row)
    assert built.counts.sum() == before + of_support


def test_a_rare_word_and_a_telling_word_stand_out():
    built, tasks = learner(), episode(shots=5)
    built.train()
    built.loss(tasks)
    words = built.encoder.words(["jazz please unheard"])
    rarity = built.rarity(words.ids)[0]
    assert rarity[2] == 1
    assert rarity[0] > rarity[1]


def test_learns_to_attend_to_words_that_tell_and_takes_it_to_new_classes():
    built, train = learner(), sampler(("music", "money"), ways=2, shots=2)
    test = sampler(("sky", "food"), seed=1, ways=2, shots=2).batch(0, 60).to("cpu", torch.float64)

    def accuracy() -> float:
        with torch.no_grad():
            answers = built.adapt(test.support)(test.query.items).argmax(-1)
        return float((answers == test.query.class_ids).double().mean())

    before = accuracy()
    optimizer = torch.optim.Adam(built.parameters(), lr=0.03)
    built.train()
    for step in range(40):
        optimizer.zero_grad()
        built.loss(train.batch(4 * step, 4).to("cpu", torch.float64)).backward()
        optimizer.step()
    built.eval()
    assert accuracy() > before + 0.1


def test_survives_saving_and_loading():
    built, tasks = learner(), episode()
    built.train()
    built.loss(tasks)
    built.eval()
    other = learner(hidden=4)
    nn.init.normal_(other.attend.weight)
    other.load_state_dict(built.state_dict())
    assert other.adapt(tasks.support)(tasks.query.items).equal(built.adapt(tasks.support)(tasks.query.items))


def test_the_gradient_reaches_the_network_through_both_regressions():
    built, tasks = learner(), episode()
    built.loss(tasks).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in built.parameters())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: LEARNERS.build("distributional-signatures", encoder=lambda norm: nn.Flatten()),
            "use an encoder of sentences",
        ),
        (lambda: learner(penalty=0), "penalty=0"),
        (lambda: learner()._words(torch.rand(1, 2, 3), None), "give it sentences"),
    ],
)
def test_what_does_not_fit_is_one_line(make, message):
    with pytest.raises(InputError, match=message):
        make()
