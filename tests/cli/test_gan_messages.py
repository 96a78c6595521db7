"""What the commands of generative models say of their inputs, and of weights that were kept."""

import json

import numpy as np
import pytest
from PIL import Image

from manyshot.generate.generator_config import GeneratorConfig, GeneratorSettings
from manyshot.generate.generator_run import train_generator
from manyshot.generate.monitor import Snapshot

TINY = ("--steps", 2, "--batch-size", 4, "--eval-every", 2, "--quiet")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder of one small run of each kind."""
    folder = tmp_path_factory.mktemp("runs")
    fit = GeneratorSettings(steps=2, batch_size=4, eval_examples=16)
    for name, model in (("labeled", "conditional(2, noise=4)"), ("shown", "dagan(2, discriminator_width=2, noise=4)")):
        train_generator(GeneratorConfig("digits", size=16, model=model, fit=fit), folder / name)
    return folder


def write_pictures(folder, sizes=((16, 16),), mode="L"):
    """A class of pictures of these widths and heights."""
    (folder / "cat").mkdir(parents=True)
    for number, size in enumerate(sizes):
        Image.new(mode, size, "gray").save(folder / "cat" / f"{number}.png")
    return folder


class TestPicturesGiven:
    @pytest.mark.parametrize("sizes", [((50, 40),), ((16, 16), (50, 40), (84, 84))])
    def test_a_picture_of_another_size_is_named_with_its_own_size(self, manyshot, trained, tmp_path, sizes):
        folder = write_pictures(tmp_path / "photos", sizes)
        words = ("gan", "augment", folder, "--run", trained / "shown", "--per-class", 2, "--out", tmp_path / "out")
        answer = manyshot(*words)
        assert (answer.status, answer.errors.count("\n")) == (2, 1)
        name = f"cat/{sizes.index((50, 40))}.png"
        assert (
            f"'{name}' has 50 x 40 pixels, but the model's images have 16 x 16; allow resizing (--resize)"
            in answer.errors
        )
        assert manyshot(*words, "--resize").status == 0

    def test_a_data_set_is_no_folder(self, manyshot, trained, tmp_path):
        words = ("--run", trained / "shown", "--out", tmp_path / "out")
        answer = manyshot("gan", "augment", "digits", *words)
        assert (answer.status, answer.errors.count("\n")) == (2, 1)
        assert "no folder or zip 'digits' (the name of a data set is not accepted here)" in answer.errors
        answer = manyshot("gan", "augment", "nofolder", *words)
        assert answer.status == 2
        assert "no folder or zip 'nofolder'; give one with a folder of images per class" in answer.errors
        assert "omniglot" not in answer.errors

    def test_a_folder_of_sentences_is_no_folder_of_pictures(self, manyshot, trained, tmp_path):
        (tmp_path / "texts").mkdir()
        (tmp_path / "texts" / "all.csv").write_text("text,label\nhello,greet\nbye,leave\n")
        answer = manyshot("gan", "augment", tmp_path / "texts", "--run", trained / "shown", "--out", tmp_path / "out")
        assert (answer.status, answer.errors.count("\n")) == (2, 1)
        assert "no pictures" in answer.errors

    def test_notes_are_reported_once(self, manyshot, trained, tmp_path):
        folder = write_pictures(tmp_path / "photos", [(16, 16)] * 2, "RGB")
        (folder / "cat" / "read me.txt").write_text("hello")
        words = ("gan", "augment", folder, "--run", trained / "shown", "--per-class", 2)
        answer = manyshot(*words, "--out", tmp_path / "out")
        assert answer.status == 0, answer.errors
        assert answer.errors.count("skipped") == 1
        assert answer.errors.count("color images, such as 'cat/0.png', are converted to gray") == 1
        assert manyshot(*words, "--out", tmp_path / "again", "--quiet").errors == ""

    def test_nothing_is_said_of_colors_to_a_model_that_makes_them(self, manyshot, tmp_path):
        rng = np.random.default_rng(0)
        for name in ("ay", "bee"):
            (tmp_path / "photos" / name).mkdir(parents=True)
            for number in range(4):
                pixels = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.png")
        words = ("gan", "train", tmp_path / "photos", "--model", "dagan(2, discriminator_width=2, noise=4)", *TINY)
        answer = manyshot(*words, "--out", tmp_path / "run")
        assert answer.status == 0, answer.errors
        answer = manyshot("gan", "augment", tmp_path / "photos", "--run", tmp_path / "run", "--out", tmp_path / "out")
        assert (answer.status, answer.errors) == (0, "")
        with Image.open(tmp_path / "out" / "ay" / "0-00000.png") as generated:
            assert (generated.mode, generated.size) == ("RGB", (16, 16))


class TestWeights:
    @pytest.mark.parametrize("command", ["sample", "augment"])
    def test_a_manifest_tells_the_step_of_the_weights(self, manyshot, tmp_path, monkeypatch, command):

        distances = iter([0.1, 0.2])
        monkeypatch.setattr(
            "manyshot.generate.generator_training_loop.evaluate_snapshot",
            lambda *arguments: Snapshot(next(distances), 0.5, 0.5),
        )
        fit = GeneratorSettings(steps=4, batch_size=4, eval_every=2, eval_examples=16)
        model = "dcgan(2, noise=4)" if command == "sample" else "dagan(2, discriminator_width=2, noise=4)"
        run = train_generator(GeneratorConfig("digits", size=16, model=model, fit=fit), tmp_path / "run")
        assert (run.step, run.steps) == (2, 4)
        folder = write_pictures(tmp_path / "photos")
        words = (tmp_path / "run",) if command == "sample" else (folder, "--run", tmp_path / "run")
        answer = manyshot("gan", command, *words, "--per-class", 2, "--out", tmp_path / "out")
        assert answer.status == 0, answer.errors
        lines = [json.loads(line) for line in (tmp_path / "out" / "manifest.jsonl").read_text().splitlines()]
        assert [line["params"] for line in lines] == [{"step": 2}] * 2

    def test_a_run_without_weights_is_reported(self, manyshot, trained, tmp_path):
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "config.json").write_bytes((trained / "labeled" / "config.json").read_bytes())
        answer = manyshot("gan", "sample", tmp_path / "run", "--out", tmp_path / "out")
        assert (answer.status, answer.errors.count("\n")) == (2, 1)
        assert "holds no weights; restore them, or name a folder that `manyshot gan train` wrote" in answer.errors

    def test_a_training_that_learned_nothing_makes_no_pictures(self, manyshot, tmp_path):
        words = (
            "gan",
            "train",
            "digits",
            "--size",
            8,
            "--model",
            "gan(8, noise=4, loss=wasserstein)",
            "--batch-size",
            8,
        )
        answer = manyshot(*words, "--learning-rate", 1e5, "--steps", 400, "--out", tmp_path / "run")
        assert answer.status != 0
        assert "nothing was learned before" in answer.errors
        answer = manyshot("gan", "sample", tmp_path / "run", "--out", tmp_path / "out")
        assert (answer.status, answer.errors.count("\n")) == (2, 1)
        assert "its training ended before anything was learned" in answer.errors


class TestArguments:
    @pytest.mark.parametrize(
        ("options", "told"),
        [
            (
                ("--model", "cvae", "--ada-target", 0.5),
                "ada_target: cvae has no discriminator, so it has no effect; leave it out",
            ),
            (
                ("--plan", "task: turn"),
                "'task: turn' does not act on what the discriminator sees; write 'support: turn'",
            ),
            (("--plan", "support: affine; query: flip"), "'query: flip' does not act on what the discriminator sees"),
            (("--per-class", 0), "per_class=0: give a whole number, at least 1, or leave it out for all"),
            (("--classes", 0), "classes=0: give a whole number, at least 1, or leave it out for all"),
        ],
    )
    def test_of_a_training_are_refused_with_a_mend_that_can_be_given(self, manyshot, tmp_path, options, told):
        answer = manyshot("gan", "train", "digits", "--out", tmp_path / "run", *TINY, *options)
        assert (answer.status, answer.errors.count("\n")) == (2, 1)
        assert told in answer.errors

    def test_a_class_that_is_unknown_is_unknown_to_the_run(self, manyshot, trained, tmp_path):
        answer = manyshot("gan", "sample", trained / "labeled", "--class", 33, "--out", tmp_path / "out")
        assert (answer.status, answer.errors.count("\n")) == (2, 1)
        assert f"{trained / 'labeled'}: no class '33'" in answer.errors

    def test_a_sheet_of_copies_that_cannot_be_written_names_its_own_option(self, manyshot, trained, tmp_path):
        (tmp_path / "afile").write_text("mine")
        copies = tmp_path / "afile" / "copies.png"
        answer = manyshot("gan", "score", trained / "labeled", "--copies", copies)
        assert (answer.status, answer.errors.count("\n")) == (2, 1)
        assert answer.errors.strip().endswith("is not a folder; choose another --copies")
