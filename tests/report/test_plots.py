import io
import math
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from PIL import Image

from manyshot.classify.evaluate.example_intervals import Estimate
from manyshot.report.plots import (
    COLORS,
    DARK,
    INK,
    Curve,
    accuracies,
    confusion,
    differences,
    png,
    reliability,
    svg,
    training_curves,
)

HOSTILE = "$\\frac{1}$ <b>&\n雪"
FIGURES = {
    "curves": lambda: training_curves({"a": Curve([0, 1, 2], [3, 2, 1])}, {"a": Curve([0, 2], [0.2, 0.8])}),
    "differences": lambda: differences({"a": Estimate(1, 0.5, 1.5)}, baseline="nothing"),
    "accuracies": lambda: accuracies({"1 shot": {"a": Estimate(0.5, 0.4, 0.6)}}),
    "reliability": lambda: reliability([0.3, 0.7], [0.2, 0.8], [0.5, 0.5]),
    "no curves": lambda: training_curves({}, {}),
    "no differences": lambda: differences({}, baseline="nothing"),
    "no accuracies": lambda: accuracies({}),
    "no answers": lambda: reliability([0.5], [math.nan], [0.0]),
}


@pytest.mark.parametrize(
    "make",
    [
        lambda name: training_curves({name: Curve([0, 1], [3, 2])}, {"b": Curve([0], [0.2]), name: Curve([0], [0.2])}),
        lambda name: differences({name: Estimate(1, 0.5, 1.5)}, baseline=name),
        lambda name: accuracies({name: {name: Estimate(0.5, 0.4, 0.6), "b": Estimate(0.5, 0.4, 0.6)}}),
    ],
    ids=["curves", "differences", "accuracies"],
)
def test_a_name_that_is_no_text_is_drawn_with_a_mark(make):
    assert svg(make("cl\udcffass")) == svg(make("cl?ass"))


@pytest.mark.parametrize("make", FIGURES.values(), ids=FIGURES)
class TestEveryPlot:
    def test_becomes_svg_that_parses_and_names_nothing_outside(self, make):
        text = svg(make())
        root = ElementTree.fromstring(text)
        assert root.tag.endswith("svg")
        links = [value for element in root.iter() for name, value in element.attrib.items() if name.endswith("href")]
        assert all(link.startswith("#") for link in links)

    def test_becomes_a_picture_that_is_not_blank(self, make):
        image = Image.open(io.BytesIO(png(make(), dots=60)))
        assert image.convert("L").getextrema()[0] < 200

    def test_gives_the_same_bytes_each_time(self, make):
        assert svg(make()) == svg(make())
        assert png(make(), dots=40) == png(make(), dots=40)

    def test_leaves_the_global_state_of_matplotlib_alone(self, make):
        before = dict(matplotlib.rcParams)
        svg(make())
        assert dict(matplotlib.rcParams) == before


def test_names_are_text_and_not_formulas():
    gaps = differences({"$\\frac{1}": Estimate(1, 0, 2)}, baseline="$x")
    bars = accuracies({"$\\": {"^_$": Estimate(0.5, 0.4, 0.6)}})
    curves = training_curves({"<b>&$_": Curve([0], [1.0])}, {"other $": Curve([0], [1.0])})
    for figure in (gaps, bars, curves):
        assert b"<svg" in svg(figure)  # a formula that is none would fail to be drawn
    (label,) = gaps.axes[0].get_yticklabels()
    assert (label.get_text(), label.get_parse_math()) == ("$\\frac{1}", False)


def test_an_interval_that_holds_zero_is_gray():
    estimates = {"gain": Estimate(2, 1, 3), "null": Estimate(0.1, -1, 1), "loss": Estimate(-2, -3, -1)}
    axes = differences(estimates, baseline="nothing").axes[0]
    bars = [line.get_color() for line in axes.lines[1::2]]
    assert bars[0] == COLORS[0]
    assert bars[2] == COLORS[1]
    assert bars[1] not in COLORS


def test_rows_stand_from_top_to_bottom_in_the_order_given():
    axes = differences({"first": Estimate(1, 0, 2), "second": Estimate(1, 0, 2)}, baseline="x").axes[0]
    top, bottom = axes.get_ylim()[1], axes.get_ylim()[0]
    assert top < bottom
    assert [label.get_text() for label in axes.get_yticklabels()] == ["first", "second"]


def test_an_arm_has_one_color_in_both_panels():
    curve = Curve([0, 1], [0.1, 0.2])
    loss, accuracy = training_curves({"a": curve, "b": curve}, {"b": curve, "a": curve}).axes
    of = {line.get_label(): line.get_color() for line in loss.lines if not line.get_label().startswith("_")}
    assert of == {line.get_label(): line.get_color() for line in accuracy.lines}


def test_the_running_mean_skips_gaps_and_keeps_the_level():
    noisy = [1.0] * 50 + [math.nan] + [1.0] * 49
    line = training_curves({"a": Curve(range(100), noisy)}, {}).axes[0].lines[1]
    assert np.allclose(line.get_ydata(), 1.0)


def test_every_bar_has_its_height_and_its_number():
    axes = accuracies({"1": {"a": Estimate(0.25, 0.2, 0.3), "b": Estimate(0.5, 0.4, 0.6)}}).axes[0]
    assert [bar.get_height() for bar in axes.patches] == [0.25, 0.5]
    assert [text.get_text() for text in axes.texts] == ["25.0%", "50.0%"]


def test_bins_without_answers_are_left_out():
    axes = reliability([0.1, 0.5, 0.9], [0.2, math.nan, 0.8], [0.4, 0.0, 0.6]).axes[0]
    assert axes.lines[1].get_xdata().tolist() == [0.1, 0.9]


def test_a_plot_has_no_background_and_every_color_that_is_drawn_has_a_dark_one():
    figure = accuracies({"1 shot": {"a": Estimate(0.5, 0.4, 0.6), "b": Estimate(0.5, 0.4, 0.6)}})
    text = svg(figure).decode()
    assert "prefers-color-scheme: dark" in text
    assert "fill: #ffffff" not in text.partition("</style>")[2]
    for color in (COLORS[0], COLORS[1], INK):
        rule = f'[style*="fill: {color.lower()}"]{{fill:{DARK[color]}!important}}'
        assert f"fill: {color.lower()}" in text.partition("</style>")[2]
        assert rule in text


def test_a_confusion_matrix_draws_each_cell_that_is_not_empty():
    axes = confusion(np.array([[3, 1], [0, 2]]), ["cat", "a class with a very long name"]).axes[0]
    assert sorted(text.get_text() for text in axes.texts) == ["1", "2", "3"]
    assert len(axes.patches) == 3
    assert axes.get_yticklabels()[1].get_text() == "a class with a very…"
