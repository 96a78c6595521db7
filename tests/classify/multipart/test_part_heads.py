"""Heads of examples of several parts beside the learner `Fusion`, names beside them, and their copies."""

import numpy as np
import torch

from manyshot.classify.heads import Ridge
from manyshot.classify.multipart.part_heads import PartHeads, PartNames, PartRows
from manyshot.classify.multipart.part_unknown import PartsUnknownDetector
from manyshot.learners import FusedSupport
from manyshot.tasks import Examples, Parts


def some_parts(n: int = 20, seed: int = 0) -> tuple[Parts, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % 4
    shift = torch.eye(4)[labels]
    values = {"a": torch.randn(n, 40, generator=random), "b": torch.randn(n, 3, generator=random)}
    values["a"][:, :4] += 4 * shift
    values["b"] += shift[:, :3]
    there = {"a": torch.rand(n, generator=random) < 0.8, "b": torch.rand(n, generator=random) < 0.8}
    return Parts.of(values, there), labels


def test_heads_are_the_fusion_itself():
    parts, labels = some_parts()
    queries, _ = some_parts(seed=1)
    target = torch.nn.functional.one_hot(labels, 4).double()[None]
    support = Examples(parts, target, torch.ones(1, 20, dtype=torch.float64), torch.ones(1, 4, dtype=torch.bool))
    oracle = FusedSupport(parts.both(lambda value: value[None]), support)
    found = PartHeads(PartRows(parts), labels, 4).logits(queries)
    assert torch.allclose(found, oracle(queries.both(lambda value: value[None]))[0], atol=1e-9)


def test_a_head_is_fitted_to_the_weighted_parts_side_by_side():
    parts, labels = some_parts()
    queries, _ = some_parts(seed=1)
    whole = Parts.of(dict(parts.values))
    heads = PartHeads(PartRows(whole), labels, 4, "ridge(penalty=0.7)")
    weights = torch.tensor(list(heads.weights().values())).sqrt()
    own, other = (
        torch.cat([w * x for w, x in zip(weights, heads.scaled(p).values(), strict=True)], 1)
        for p in (whole, Parts.of(dict(queries.values)))
    )
    targets = torch.nn.functional.one_hot(labels, 4).double()
    oracle = Ridge(penalty=0.7).fit(own[None], targets, torch.ones(1, 20))(other[None])[0]
    assert torch.allclose(heads.logits(Parts.of(dict(queries.values))), oracle, atol=1e-9)


def test_variants_weigh_as_much_as_their_example_and_are_left_out_with_it():
    parts, labels = some_parts()
    each = torch.arange(20).repeat_interleave(3)
    copied = PartHeads(PartRows(parts[each], copies=2), labels, 4)
    assert copied.fused.kernels.group.tolist() == [each.tolist()]
    assert PartRows(parts[each], 2).weights()[:3].tolist() == [1.0, 0.5, 0.5]
    # copies of an example say nothing new: ridge on rows of double weight is ridge with half the penalty
    alone = Parts.of({"a": parts["a"]})
    one = PartHeads(PartRows(alone), labels, 4, "ridge(penalty=1)")
    two = PartHeads(PartRows(alone[each], 2), labels, 4, "ridge(penalty=2)")
    assert torch.allclose(one.logits(alone), two.logits(alone), atol=1e-8)


def test_names_are_a_term_of_the_parts_that_an_example_has():
    parts, labels = some_parts()
    directions = torch.nn.functional.normalize(torch.randn(4, 40, dtype=torch.float64), dim=1)
    plain = PartHeads(PartRows(parts), labels, 4)
    named = PartHeads(PartRows(parts), labels, 4, names=PartNames({"a": directions}, 2.0))
    gone = Parts(parts.values, {"a": torch.zeros(20, dtype=torch.bool), "b": parts.there["b"]})
    assert torch.equal(named.logits(gone), plain.logits(gone))
    only = Parts.of(dict(parts.values)).replaced("b", parts["b"], torch.zeros(20, dtype=torch.bool))
    expected = plain.logits(only) + 2 * plain.scaled(only)["a"] @ directions.T
    assert torch.allclose(named.logits(only), expected)


def test_unknown_by_the_parts_that_are_there():
    parts, labels = some_parts(60)
    detector = PartsUnknownDetector(parts, labels, {"a": 0.5, "b": 0.5})
    far = Parts.of({"a": -10 * torch.ones(2, 40), "b": torch.tensor([[0.0, 0.0, 0.0], [90.0, 90.0, 90.0]])})
    assert detector.is_unknown(far.replaced("a", far["a"], torch.tensor([False, False]))).tolist() == [False, True]
    assert detector.is_unknown(far).tolist() == [True, True]
    known, _ = some_parts(200, seed=3)
    assert float(detector.is_unknown(known).double().mean()) < 0.2
    nothing = Parts(known.values, {name: torch.zeros(200, dtype=torch.bool) for name in known.names})
    assert not bool(detector.is_unknown(nothing).any())


def test_copies_of_examples(tmp_path):
    from manyshot.classify.multipart.part_duplicates import find_part_duplicates, groups_of_copies
    from manyshot.classify.multipart.parted_examples import load_parted

    table = tmp_path / "pets.csv"
    rows = ["cat,it purrs,3", "cat,It purrs!,3", "dog,it purrs,3", "dog,,3", "dog,it purrs,4"]
    table.write_text("\n".join(["label,text,age", *rows]), encoding="utf-8")
    examples = load_parted(table, kinds={"text": "texts", "age": "features"})
    found = [(one.first, one.second, one.kind, one.across_classes) for one in find_part_duplicates(examples)]
    assert found == [(0, 2, "exact", True), (0, 1, "near", False)]
    assert np.array_equal(groups_of_copies(examples), [0, 1, 0, 2, 3])
