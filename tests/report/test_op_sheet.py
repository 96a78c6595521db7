import numpy as np
import pytest

from manyshot.report.op_sheet import DRAWN, STRENGTHS, op_sheet


def test_a_stronger_op_is_drawn_in_a_row_of_its_own():
    one = op_sheet({"flip": DRAWN["flip"]}, variants=1)
    several = op_sheet({"noise": DRAWN["noise"]}, variants=1)
    assert several.height > one.height + (len(STRENGTHS) - 1) * 64


def test_strengths_that_an_op_refuses_are_left_out():
    assert op_sheet({"turn": DRAWN["turn"]}, variants=1).height < op_sheet({"noise": DRAWN["noise"]}, variants=1).height


def test_the_same_seed_gives_the_same_sheet():
    first, again, other = (np.asarray(op_sheet({"noise": DRAWN["noise"]}, variants=2, seed=s)) for s in (0, 0, 1))
    assert (first == again).all()
    assert (first != other).any()


@pytest.mark.parametrize("name", DRAWN)
def test_every_op_can_be_drawn(name):
    assert op_sheet({name: DRAWN[name]}, variants=1).width > 100
