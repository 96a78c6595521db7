"""Drawings as points, points bent onto others, and the learner that asks how much bending it takes."""

import math
import re

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from manyshot.base import InputError
from manyshot.contrib.deformation_matching import DeformationMatching
from manyshot.contrib.deformation_matching.image_registration import bent_onto
from manyshot.contrib.deformation_matching.matching_learner import COEFFICIENTS, Differences, Drawing
from manyshot.contrib.deformation_matching.strokes import MAX_POINTS, pieces, stroke_points
from manyshot.learners import Ensemble
from manyshot.tasks import Examples


def lines(*ends, side=96, thick=2):
    """A sheet with straight strokes from (x, y) to (x, y), as shares of its side."""
    y, x = np.mgrid[:side, :side] / side
    sheet = np.zeros((side, side), bool)
    for (x0, y0), (x1, y1) in ends:
        along = np.clip(((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / ((x1 - x0) ** 2 + (y1 - y0) ** 2), 0, 1)
        sheet |= np.hypot(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0)) < thick / side
    return torch.from_numpy(sheet)[None].float()


def moved(drawing, degrees=0.0, zoom=1.0, slant=0.0, shift=0.0):
    c, s = math.cos(math.radians(degrees)) / zoom, math.sin(math.radians(degrees)) / zoom
    grid = F.affine_grid(
        torch.tensor([[[c, s + slant, shift], [-s, c, 0.0]]]), [1, *drawing.shape], align_corners=False
    )
    return F.grid_sample(drawing[None], grid, align_corners=False)[0]


def residual(source, target):
    bend = bent_onto(source, target)
    return bend.over + bend.lacking


LETTERS = {
    "T": lines(((0.2, 0.25), (0.8, 0.25)), ((0.5, 0.25), (0.5, 0.8))),
    "L": lines(((0.3, 0.2), (0.3, 0.8)), ((0.3, 0.8), (0.75, 0.8))),
    "X": lines(((0.25, 0.25), (0.75, 0.75)), ((0.75, 0.25), (0.25, 0.75))),
    "N": lines(((0.25, 0.8), (0.25, 0.2)), ((0.25, 0.2), (0.75, 0.8)), ((0.75, 0.8), (0.75, 0.2))),
    "E": lines(((0.3, 0.2), (0.3, 0.8)), *(((0.3, y), (0.75, y)) for y in (0.2, 0.5, 0.8))),
}


def side_of(items, labels=None, weight=None):
    ways = len(LETTERS)
    labels = torch.arange(ways) if labels is None else torch.tensor(labels)
    weight = torch.ones(len(items)) if weight is None else torch.tensor(weight)
    present = torch.ones(1, ways, dtype=torch.bool)
    return Examples(torch.stack(items)[None], F.one_hot(labels, ways).float()[None], weight[None], present)


class TestPoints:
    def test_run_along_the_middle_of_a_stroke_however_thick_it_is(self):
        thin, thick = (stroke_points(lines(((0.2, 0.3), (0.8, 0.7)), thick=width)) for width in (1, 5))
        slope = (0.7 - 0.3) / (0.8 - 0.2)
        for points in (thin, thick):
            x, y, cos, sin, straight, _ = points
            assert np.quantile(np.abs(y - slope * x), 0.9) < 0.08  # thick ends splay
            assert np.median(np.abs(sin / cos - slope)) < 0.1
            assert np.median(straight) > 0.9

    def test_are_centered_of_unit_spread_and_share_the_whole_line(self):
        points = stroke_points(LETTERS["E"])
        assert points.shape == (6, MAX_POINTS)
        assert points[5].sum() == pytest.approx(1, abs=1e-5)
        mean = points[:2] @ points[5]
        assert np.abs(mean).max() < 0.05
        assert math.sqrt((np.square(points[:2]) @ points[5]).mean()) == pytest.approx(1, abs=0.05)

    @pytest.mark.parametrize("change", [{"zoom": 0.6}, {"shift": 0.3}])
    def test_do_not_care_where_a_drawing_stands_or_how_large_it_is(self, change):
        one, other = (stroke_points(d) for d in (LETTERS["N"], moved(LETTERS["N"], **change)))
        assert residual(one, other) < 0.3  # of another letter at least 0.38

    def test_keep_a_diagonal_of_two_pixels_across(self):
        both = np.zeros((1, 96, 96), np.float32)
        both[0, np.arange(20, 70), np.arange(20, 70)] = both[0, np.arange(20, 70), np.arange(21, 71)] = 1
        x, y, *_ = stroke_points(torch.from_numpy(both))
        assert np.ptp(x) > 3.2
        assert np.ptp(y) > 3.2

    def test_of_a_finer_picture_are_nearly_the_same(self):
        fine = stroke_points(lines(((0.25, 0.25), (0.75, 0.75)), ((0.75, 0.25), (0.25, 0.75)), side=192, thick=4))
        assert residual(stroke_points(LETTERS["X"]), fine) < 0.2

    @pytest.mark.parametrize("sheet", [torch.zeros(1, 96, 96), torch.ones(1, 96, 96), lines(((0.5, 0.5), (0.51, 0.5)))])
    def test_of_a_sheet_without_strokes_are_numbers_all_the_same(self, sheet):
        assert np.isfinite(stroke_points(sheet)).all()

    def test_what_is_not_a_number_is_reported(self):
        with pytest.raises(InputError, match="not finite"):
            stroke_points(torch.full((1, 96, 96), math.nan))


class TestBending:
    def test_takes_nothing_for_a_drawing_onto_itself(self):
        for letter in LETTERS.values():
            bend = bent_onto(stroke_points(letter), stroke_points(letter))
            assert bend.over + bend.lacking < 0.2
            assert bend.strain < 0.02
            assert bend.bumps < 0.02

    def test_finds_the_turn_and_the_slant(self):
        straight = stroke_points(LETTERS["E"])
        strains = []
        for change in ({"degrees": 8.0}, {"degrees": 20.0}):
            bend = bent_onto(straight, stroke_points(moved(LETTERS["E"], **change)))
            assert bend.over + bend.lacking < 0.3
            strains.append(bend.strain)
        assert 0.01 < strains[0] < 0.06 < strains[1] < 8 * math.sin(math.radians(20) / 2) ** 2  # |R - I|^2, bumps aside

    def test_leaves_a_residual_where_a_stroke_is_missing_either_way(self):
        whole, part = stroke_points(LETTERS["E"]), stroke_points(LETTERS["L"])
        assert residual(whole, part) > 0.3 > 2 * residual(whole, whole)
        assert residual(part, whole) > 0.3 > 2 * residual(part, part)
        assert bent_onto(whole, part).over > 1.5 * bent_onto(whole, part).lacking
        assert bent_onto(part, whole).lacking > 1.5 * bent_onto(part, whole).over

    def test_costs_bumps_where_one_part_alone_has_moved(self):
        low, high = (lines(((0.3, 0.2), (0.3, 0.8)), ((0.3, y), (0.75, y))) for y in (0.6, 0.35))
        one, other = stroke_points(low), stroke_points(high)
        assert bent_onto(one, other).bumps > 0.05 > 5 * bent_onto(one, one).bumps

    def test_minds_directions_where_positions_agree(self):
        flat = np.zeros((6, 9), np.float32)
        flat[0], flat[1] = np.tile([-1, 0, 1], 3), np.repeat([-1, 0, 1], 3)
        flat[2], flat[4], flat[5] = 1, 1, 1 / 9
        upright = flat.copy()
        upright[2], upright[3] = 0, 1
        assert residual(flat, flat) < 0.05
        assert residual(flat, upright) > 1


class TestDifferences:
    def test_are_the_same_whichever_drawing_comes_first(self):
        one, other = (Drawing.of(LETTERS[name]) for name in "TE")
        assert Differences.of(one, other) == pytest.approx(Differences.of(other, one))

    def test_tell_a_stroke_that_one_drawing_lacks_from_one_that_runs_elsewhere(self):
        whole, part = Drawing.of(LETTERS["E"]), Drawing.of(LETTERS["L"])
        lean = Drawing.of(moved(LETTERS["E"], degrees=15))
        assert Differences.of(whole, part).imbalance > 0.3 > 3 * Differences.of(whole, lean).imbalance

    def test_count_pieces_of_ink(self):
        dots = [((x, 0.3), (x + 0.05, 0.3)) for x in (0.2, 0.5, 0.8)]
        assert [pieces(lines(*dots[:count], thick=4)) for count in (1, 2, 3)] == [1, 2, 3]
        assert pieces(LETTERS["X"]) == 1
        one, three = (Drawing.of(lines(*dots[:count], thick=4)) for count in (1, 3))
        assert Differences.of(one, three).pieces == 2

    def test_each_has_a_say(self):
        support = side_of(list(LETTERS.values()))
        queries = torch.stack(
            [moved(LETTERS["E"], degrees=15), lines(((0.2, 0.5), (0.4, 0.5)), ((0.6, 0.5), (0.8, 0.5)))]
        )
        plain = DeformationMatching().adapt(support)(queries[None])
        for name in Differences._fields:
            without = COEFFICIENTS._replace(**{name: 0.0})
            assert not torch.equal(DeformationMatching(without).adapt(support)(queries[None]), plain)


class TestTheLearner:
    def test_tells_letters_that_are_turned_slanted_and_stretched(self):
        queries = [moved(letter, degrees=10, zoom=0.8, slant=0.15) for letter in LETTERS.values()]
        said = DeformationMatching().adapt(side_of(list(LETTERS.values())))(torch.stack(queries)[None])
        assert said.argmax(-1).tolist() == [[0, 1, 2, 3, 4]]

    def test_does_not_care_about_the_order_of_support_items(self):
        items, order = list(LETTERS.values()), [3, 0, 4, 1, 2]
        queries = torch.stack(items[:2])[None]
        one = DeformationMatching().adapt(side_of(items))(queries)
        other = DeformationMatching().adapt(side_of([items[i] for i in order], labels=order))(queries)
        assert torch.equal(one, other)

    def test_the_nearest_of_several_items_of_a_class_decides_and_one_of_weight_0_is_absent(self):
        items = [*LETTERS.values(), LETTERS["T"]]
        queries = LETTERS["T"][None, None]
        also = DeformationMatching().adapt(side_of(items, [0, 1, 2, 3, 4, 1]))(queries)
        absent = DeformationMatching().adapt(side_of(items, [0, 1, 2, 3, 4, 1], [1.0] * 5 + [0.0]))(queries)
        plain = DeformationMatching().adapt(side_of(items[:5]))(queries)
        assert also[0, 0, 1] == also[0, 0, 0]
        assert torch.equal(absent, plain)

    def test_a_query_of_weight_0_changes_nothing_for_the_others(self):
        queries = torch.stack([LETTERS["T"], torch.full((1, 96, 96), math.nan)])[None]
        classify = DeformationMatching().adapt(side_of(list(LETTERS.values())))
        said = classify(queries, torch.tensor([[1.0, 0.0]]))
        assert torch.equal(said[:, :1], classify(queries[:, :1]))
        assert said.log_softmax(-1).isfinite().all()

    def test_an_absent_class_is_never_said(self):
        support = side_of(list(LETTERS.values()), weight=[1.0, 1.0, 1.0, 1.0, 0.0])
        support.class_mask[0, 4] = False
        said = DeformationMatching().adapt(support)(LETTERS["E"][None, None])
        assert said[0, 0, 4] == -torch.inf
        assert said[0, 0, :4].isfinite().all()

    def test_joins_an_ensemble(self):
        support, queries = side_of(list(LETTERS.values())), LETTERS["X"][None, None]
        alone = DeformationMatching().adapt(support)(queries).log_softmax(-1)
        twice = Ensemble([DeformationMatching(), DeformationMatching()]).adapt(support)(queries)
        assert torch.allclose(twice, alone, atol=1e-5)

    def test_refuses_what_it_cannot_use(self):
        with pytest.raises(InputError, match=re.escape("strain=-1: give")):
            DeformationMatching(COEFFICIENTS._replace(strain=-1))
        vectors = Examples.of(torch.rand(1, 2, 8), torch.arange(2))
        with pytest.raises(InputError, match="images of drawings"):
            DeformationMatching().adapt(vectors)
