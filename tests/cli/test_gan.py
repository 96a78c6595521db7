import json
from functools import partial
from shutil import copytree

import numpy as np
import pytest
import torch
from PIL import Image

from manyshot.datasets import load_dataset

TINY = ("--steps", 4, "--batch-size", 4, "--eval-every", 2, "--save-every", 2, "--quiet")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder of one small run of each kind, and of an encoder's."""
    from manyshot.generate.generator_config import GeneratorConfig, GeneratorSettings
    from manyshot.generate.generator_run import train_generator
    from manyshot.training import Config, Settings, train

    folder = tmp_path_factory.mktemp("runs")
    fit = GeneratorSettings(steps=2, batch_size=4, eval_examples=16)
    encoder = Config("digits", size=16, encoder="conv4(4, 4, 4, 4)", validation=0.0, fit=Settings(steps=1))
    train(encoder, folder / "encoder")
    for name, model, more in (
        ("free", "dcgan(2, noise=4)", {}),
        ("labeled", "conditional(2, noise=4)", {"test": 0.2}),
        ("shown", "dagan(2, discriminator_width=2, noise=4)", {"test": 0.3}),
        ("features", "afhn(4, noise=4)", {"encoder": str(folder / "encoder"), "test": 0.3}),
    ):
        train_generator(GeneratorConfig("digits", size=16, model=model, fit=fit, **more), folder / name)
    return folder


@pytest.fixture
def letters(tmp_path):
    """Three pictures of two classes, dark ink on paper."""
    for name in ("ay", "bee"):
        (tmp_path / "letters" / name).mkdir(parents=True)
        for number in range(3):
            pixels = np.full((16, 16), 255, dtype=np.uint8)
            pixels[2 + number : 6 + number, 4:12] = 0
            Image.fromarray(pixels).save(tmp_path / "letters" / name / f"{number}.png")
    return tmp_path / "letters"


class TestTrain:
    def test_writes_a_run_whose_sheet_of_samples_grows(self, manyshot, tmp_path):
        out = tmp_path / "run"
        answer = manyshot("gan", "train", "digits", "--size", 8, "--model", "dcgan(2)", "--out", out, *TINY, "--json")
        assert answer.status == 0, answer.errors
        assert answer.json["steps"] == 4
        assert answer.json["best"]["recall"] >= 0
        with Image.open(out / "samples.png") as grown:
            high = grown.height
        again = manyshot("gan", "train", "digits", "--size", 8, "--model", "dcgan(2)", "--out", out, "--resume", *TINY)
        assert again.status == 0
        from manyshot.generate.snapshots import SnapshotImages, read_snapshots
        from manyshot.samples.export_generated import snapshot_sheet

        looks = read_snapshots(out, up_to=2)
        snapshot_sheet(out / "first.png", paper=True)(SnapshotImages(None, looks))
        with Image.open(out / "first.png") as first:
            assert first.height < high

    @pytest.mark.parametrize(
        ("looks", "kept"),
        [
            ([(0.6, 0.5), (0.1, 0.0)], "best at step 2, with recall 0.50"),
            ([(0.6, 0.5), (0.1, 0.4)], "best at step 4, with recall 0.40"),
            ([None, None], "every evaluation gave a warning"),
        ],
        ids=["the nearest collapsed", "the nearest is the last", "no numbers"],
    )
    def test_names_the_snapshot_whose_weights_were_kept(self, manyshot, tmp_path, monkeypatch, looks, kept):
        from manyshot.generate.monitor import Snapshot

        result = iter(None if look is None else Snapshot(look[0], 0.9, look[1]) for look in looks)
        monkeypatch.setattr(
            "manyshot.generate.generator_training_loop.evaluate_snapshot", lambda *arguments: next(result)
        )
        out = tmp_path / "run"
        words = ("gan", "train", "digits", "--size", 8, "--model", "gan(4)", "--out", out, *TINY)
        output = manyshot(*words, "--json")
        assert output.status == 0, output.errors
        best = output.json["best"]
        assert (out / "best.safetensors").exists() == (best is not None)
        assert best is None or f"step {best['step']}, with recall {best['recall']:.2f}" in kept
        assert kept in manyshot(*words, "--resume").out

    def test_few_pictures_with_adapted_augmentation(self, manyshot, tmp_path):
        answer = manyshot(
            *("gan", "train", "digits", "--size", 8, "--model", "conditional(2)", "--per-class", 5),
            *("--plan", "support: affine erase", "--ada-target", 0.6, "--out", tmp_path / "run", *TINY),
        )
        assert answer.status == 0, answer.errors
        assert "4 steps" in answer.out

    @pytest.mark.parametrize(
        ("options", "named"),
        [
            (("--model", "dcgn"), "dcgan"),
            (("--model", "dcgan(width=0)"), "width=0"),
            (("--model", "afhn"), "--encoder-run"),
            (("--plan", "support: afine"), "affine"),
            (("--plan", "query: affine"), "write 'support: affine'"),
            (("--ada-target", 0.6), "--plan"),
            (("--steps", 0), "steps=0"),
            (("--per-class", 999), "per_class=999"),
            (("--encoder-run", "nowhere"), "nowhere"),
            (("--device", "cuba"), "cuba"),
            (("--size", 1), "size=1"),
        ],
    )
    def test_what_is_wrong_is_one_line_and_writes_nothing(self, manyshot, tmp_path, options, named):
        answer = manyshot("gan", "train", "digits", "--out", tmp_path / "run", *TINY, *options)
        assert answer.status == 2
        assert named in answer.errors
        assert answer.errors.count("\n") == 1
        assert not (tmp_path / "run").exists()

    def test_an_empty_class_is_named(self, manyshot, letters, tmp_path):
        (letters / "cee").mkdir()
        answer = manyshot("gan", "train", letters, "--out", tmp_path / "run", *TINY)
        assert answer.status == 2
        assert answer.errors.count("\n") == 1
        assert f"{letters / 'cee'}" in answer.errors

    def test_a_class_of_one_picture_is_named_where_pairs_are_needed(self, manyshot, letters, tmp_path):
        for number in (1, 2):
            (letters / "bee" / f"{number}.png").unlink()
        answer = manyshot("gan", "train", letters, "--model", "dagan(2)", "--out", tmp_path / "run", *TINY)
        assert answer.status == 2
        assert "class 'bee' has 1 example" in answer.errors


class TestSample:
    def test_writes_pictures_a_sheet_and_a_manifest(self, manyshot, trained, tmp_path):
        answer = manyshot("gan", "sample", trained / "free", "--per-class", 5, "--out", tmp_path / "out", "--json")
        assert answer.status == 0, answer.errors
        assert answer.json["samples"] == 5
        lines = [json.loads(line) for line in (tmp_path / "out" / "manifest.jsonl").read_text().splitlines()]
        assert [line["file"] for line in lines] == [f"generated/{number:05}.png" for number in range(5)]
        with Image.open(tmp_path / "out" / lines[0]["file"]) as image:
            assert image.size == (16, 16)
        assert (tmp_path / "out" / "generated.sheet.png").exists()

    def test_writes_the_classes_asked_for_as_a_folder_that_can_be_loaded(self, manyshot, trained, tmp_path):
        out = tmp_path / "out"
        answer = manyshot(
            "gan", "sample", trained / "labeled", "--class", 3, "--class", 8, "--per-class", 4, "--out", out
        )
        assert answer.status == 0, answer.errors
        assert "8 new pictures of 2 classes" in answer.out
        for sheet in out.glob("*.sheet.png"):
            sheet.unlink()
        source = load_dataset(out)
        assert source.class_names == ("3", "8")
        assert source.counts.tolist() == [4, 4]

    def test_the_same_seed_gives_the_same_bytes_and_only_ours_is_overwritten(self, manyshot, trained, tmp_path):
        def make(seed, *more):
            answer = manyshot(
                "gan", "sample", trained / "free", "--per-class", 2, "--out", tmp_path / "out", "--seed", seed, *more
            )
            return answer.status, (tmp_path / "out" / "generated" / "00000.png").read_bytes()

        first, refused, again, other = make(0), make(0), make(0, "--overwrite"), make(1, "--overwrite")
        assert (first[0], refused[0], again[0]) == (0, 2, 0)
        assert first[1] == again[1] != other[1]
        (tmp_path / "out" / "mine.txt").write_text("mine")
        assert make(0, "--overwrite")[0] == 2

    @pytest.mark.parametrize(
        ("run", "options", "named"),
        [
            ("free", ("--class", "3"), "has no classes"),
            ("labeled", ("--class", "x"), "no class 'x'"),
            ("shown", (), "gan augment"),
            ("features", (), "generates features"),
            ("encoder", (), "no generative model"),
            ("free", ("--per-class", 0), "per_class=0"),
        ],
    )
    def test_what_does_not_fit_the_model_is_reported(self, manyshot, trained, tmp_path, run, options, named):
        answer = manyshot("gan", "sample", trained / run, "--out", tmp_path / "out", *options)
        assert answer.status == 2
        assert named in answer.errors
        assert not (tmp_path / "out").exists()


class TestAugment:
    def test_makes_pictures_of_classes_that_the_model_does_not_know(self, manyshot, trained, letters, tmp_path):
        out = tmp_path / "out"
        answer = manyshot("gan", "augment", letters, "--run", trained / "shown", "--per-class", 4, "--out", out)
        assert answer.status == 0, answer.errors
        lines = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
        assert [line["source"] for line in lines[:4]] == ["ay/0.png", "ay/1.png", "ay/2.png", "ay/0.png"]
        assert {line["class"] for line in lines} == {"ay", "bee"}
        assert all((out / line["file"]).exists() for line in lines)

    @pytest.mark.parametrize(("learned_from", "shown"), [("digits", "bright ink"), ("letters", "dark ink")])
    def test_ink_stays_dark_and_a_model_of_bright_ink_is_shown_bright_ink(self, letters, tmp_path, learned_from, shown):
        from manyshot.generate.generative_model import GenerativeModel
        from manyshot.generate.generator_config import GeneratorConfig
        from manyshot.generate.generator_run import GeneratorRun
        from manyshot.samples.export_generated import export_augmented

        class Halves(GenerativeModel):
            """Makes half of what it is shown."""

            conditioning = "item"

            def __init__(self):
                super().__init__((1, 16, 16), 2)
                self.place = torch.nn.Parameter(torch.zeros(1))

            def code(self, condition):
                return (condition.like,)

            def decode(self, noise, code):
                return code[0] / 2

        data = "digits" if learned_from == "digits" else str(letters)
        run = GeneratorRun(GeneratorConfig(data, model="dagan"), Halves().eval(), (), [], tmp_path)
        export_augmented(run, letters, 1, tmp_path / "out")
        with Image.open(next((tmp_path / "out" / "ay").glob("*.png"))) as image:
            pixels = np.asarray(image)
        ink, paper = int(pixels[4, 6]), int(pixels[0, 0])
        # Half of bright ink, given back as dark ink, is gray; half of white paper is gray too.
        wanted = (127, 255) if shown == "bright ink" else (0, 128)
        assert (ink, paper) == pytest.approx(wanted, abs=1)

    def test_pictures_of_another_size_are_reported_or_resized(self, manyshot, trained, letters, tmp_path):
        for path in letters.glob("*/*.png"):
            Image.fromarray(np.zeros((20, 20), dtype=np.uint8)).save(path)
        words = ("gan", "augment", letters, "--run", trained / "shown", "--per-class", 1, "--out", tmp_path / "out")
        answer = manyshot(*words)
        assert answer.status == 2
        assert "has 20 x 20 pixels, but the model's images have 16 x 16; allow resizing (--resize)" in answer.errors
        assert manyshot(*words, "--resize").status == 0

    @pytest.mark.parametrize(("run", "named"), [("free", "gan sample"), ("features", "generates features")])
    def test_models_that_are_not_shown_pictures_are_reported(self, manyshot, trained, letters, tmp_path, run, named):
        answer = manyshot("gan", "augment", letters, "--run", trained / run, "--out", tmp_path / "out")
        assert answer.status == 2
        assert named in answer.errors


class TestScore:
    @pytest.mark.parametrize("run", ["labeled", "shown"])
    def test_says_what_was_generated_and_what_could_be_reached(self, manyshot, trained, tmp_path, run):
        copies = tmp_path / "copies.png"
        answer = manyshot(
            "gan", "score", trained / run, "--encoder-run", trained / "encoder", "--copies", copies, "--json"
        )
        assert answer.status == 0, answer.errors
        result = answer.json
        assert result["part"] == "test"
        assert result["real"]["kernel_distance"] < result["generated"]["kernel_distance"]
        assert result["real"]["recall"] > 0.5
        assert 0 <= result["generated"]["generated_to_real"] <= 1
        assert copies.exists()

    def test_models_without_classes_are_not_scored_by_class(self, manyshot, trained):
        answer = manyshot("gan", "score", trained / "free", "--encoder-run", trained / "encoder")
        assert answer.status == 0, answer.errors
        assert "compares with the model's training data" in answer.errors
        assert [line.split()[-2:] for line in answer.out.splitlines() if line.startswith("generated to real")] == [
            ["-", "-"]
        ]

    def test_models_of_features_are_scored_as_they_are(self, manyshot, trained):
        answer = manyshot("gan", "score", trained / "features", "--json")
        assert answer.status == 0, answer.errors
        assert answer.json["generated"]["diversity"] >= 0
        assert manyshot("gan", "score", trained / "features", "--copies", "x.png").status == 2

    def test_pictures_are_scored_by_an_encoder_of_the_run_s_own_where_none_is_named(
        self, manyshot, trained, tmp_path, monkeypatch
    ):
        from manyshot.generate import scoring_encoder

        short = partial(scoring_encoder.train_scoring_encoder, steps=3)
        monkeypatch.setattr(scoring_encoder, "train_scoring_encoder", short)
        copytree(trained / "shown", tmp_path / "run")
        first, again = (manyshot("gan", "score", tmp_path / "run", "--json") for _ in range(2))
        assert first.status == 0, first.errors
        assert (tmp_path / "run" / "encoder" / "config.json").exists()
        assert first.json == again.json

    def test_real_items_in_the_place_of_generated_ones_score_as_real_ones_do(self, trained, monkeypatch):
        """The measures see quality: what is real scores better than what an untrained model makes."""
        from manyshot.generate.generator_run import load_generator_run
        from manyshot.generate.score import score_run
        from manyshot.training.load_run import load_run

        run, encoder = load_generator_run(trained / "labeled"), load_run(trained / "encoder")
        result = score_run(run, encoder)
        assert result.real.coverage > 0.8 > result.generated.coverage
        assert torch.is_tensor(result.pairs[0])
        assert len(result.pairs[0]) == len(result.pairs[1]) == 24


class TestEvaluate:
    @pytest.fixture
    def evaluate(self, manyshot, trained):
        """Judges the run of the encoder, or another, with shots of a model."""

        def judge(model, *more, run="encoder", plan="shots: 2 x learned"):
            words = ("evaluate", trained / run, "digits", "--tasks", 4, "--plan", plan)
            return manyshot(*words, *(() if model is None else ("--augmenter", trained / model)), *more)

        return judge

    @pytest.mark.parametrize("model", ["shown", "features"])
    def test_shots_of_a_model_reach_the_learner(self, evaluate, trained, model):
        result = evaluate(model, "--json")
        assert result.status == 0, result.errors
        assert result.json["augmenter"] == str(trained / model)
        assert "the augmenter was trained on 7 of these classes" in result.errors
        assert result.json["accuracy"] != evaluate(None, "--json", plan="none").json["accuracy"]

    def test_a_model_is_not_evaluated_as_a_learner(self, evaluate):
        answer = evaluate(None, run="shown", plan="none")
        assert (answer.status, answer.errors.count("\n")) == (2, 1)
        assert "holds a generative model, not a learner; name it by --augmenter, or use `manyshot gan`" in answer.errors

    @pytest.mark.parametrize("model", ["free", "labeled"])
    def test_a_model_that_is_not_shown_items_knows_nothing_of_new_classes(self, evaluate, model):
        answer = evaluate(model)
        assert (answer.status, answer.errors.count("\n")) == (2, 1)
        assert "is not conditioned on examples, so it cannot extend a support set; train one that is" in answer.errors

    @pytest.mark.parametrize(
        ("model", "why"),
        [
            ("shown", "trained on images of 16 x 16 pixels and 1 channel, but the learner takes 20 x 20 pixels"),
            ("features", "generates features of another encoder; evaluate the run that it was trained for"),
        ],
    )
    def test_a_model_of_other_items_is_refused(self, evaluate, trained, model, why):
        from manyshot.training import Config, Settings, train

        if not (trained / "larger").exists():
            config = Config("digits", size=20, encoder="conv4(4, 4, 4, 4)", validation=0.0, fit=Settings(steps=1))
            train(config, trained / "larger")
        answer = evaluate(model, run="larger")
        assert (answer.status, answer.errors.count("\n")) == (2, 1)
        assert why in answer.errors
