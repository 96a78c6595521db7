import numpy as np
import pytest
from PIL import Image

from manyshot.base import InputError
from manyshot.generate.generator_config import GeneratorConfig, GeneratorSettings, load_generator_sources
from manyshot.generate.generator_run import train_generator
from manyshot.generate.scoring_encoder import train_scoring_encoder
from manyshot.training.splits import load_sources

FIT = GeneratorSettings(steps=2, batch_size=4, eval_examples=16)


@pytest.mark.parametrize("model", ["dcgan(2)", "dagan(2, discriminator_width=2)"])
def test_learns_from_what_the_model_could_learn_from_alone(tmp_path, model):
    run = train_generator(GeneratorConfig("digits", size=16, model=model, test=0.3, fit=FIT), tmp_path / "run")
    learned = load_sources(train_scoring_encoder(run, steps=3).config).training
    expected = load_generator_sources(run.config, run.model.conditioning).training
    assert np.array_equal(learned.gather(np.arange(len(learned))), expected.gather(np.arange(len(expected))))
    assert len(learned) < 1797


def test_is_kept_and_used_again(tmp_path):
    run = train_generator(GeneratorConfig("digits", size=16, model="dcgan(2)", fit=FIT), tmp_path / "run")
    first = train_scoring_encoder(run, steps=3)
    written = (tmp_path / "run" / "encoder" / "last.safetensors").stat().st_mtime_ns
    again = train_scoring_encoder(run, steps=3)
    assert (tmp_path / "run" / "encoder" / "last.safetensors").stat().st_mtime_ns == written
    weights = again.learner.state_dict()
    assert all(tensor.equal(weights[name]) for name, tensor in first.learner.state_dict().items())


def test_sees_classes_and_items_that_a_model_of_few_left_out(tmp_path):
    config = GeneratorConfig("digits", size=16, model="conditional(2)", classes=3, per_class=5, fit=FIT)
    run = train_generator(config, tmp_path / "run")
    assert len(load_sources(train_scoring_encoder(run, steps=3).config).training) == 1797


def test_one_class_is_not_enough_and_is_reported_in_one_line(tmp_path):
    (tmp_path / "letters" / "ay").mkdir(parents=True)
    for number in range(8):
        pixels = np.full((16, 16), 255 - 20 * number, dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "letters" / "ay" / f"{number}.png")
    config = GeneratorConfig(str(tmp_path / "letters"), size=16, model="dcgan(2)", fit=FIT)
    run = train_generator(config, tmp_path / "run")
    with pytest.raises(InputError, match=r"1 class.*--encoder-run") as error:
        train_scoring_encoder(run, steps=3)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run" / "encoder").exists()
