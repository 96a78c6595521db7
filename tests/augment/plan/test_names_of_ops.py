import pytest

from manyshot.augment import NAMED, Plan
from manyshot.augment.registry import ALIASES
from manyshot.base import InputError


def test_names_of_other_libraries_are_understood_and_printed_as_ours():
    plan = Plan(
        "task: rotate90; support: horizontal_flip one-of(cutout gaussian-noise(0.2), p=0.5) affine(padding_mode=border)"
    )
    assert str(plan) == "task: turn; support: flip oneof(erase noise(0.2), p=0.5) affine(padding_mode=border)"
    assert plan == Plan(str(plan))


@pytest.mark.parametrize("alias", ALIASES)
def test_every_other_name_stands_for_an_op(alias):
    assert NAMED[alias] is NAMED[ALIASES[alias]]
    assert alias not in NAMED.names()


def test_a_hyphen_in_a_name_is_an_underscore():
    assert Plan("support: resized-crop(0.3)").item_op() == Plan("support: resized_crop(0.3)").item_op()
    with pytest.raises(InputError, match="unknown op"):
        Plan("support: resizedcrop")
