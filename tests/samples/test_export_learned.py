"""TailoredSamples samples as files, of an augmenter of pictures and of one of features."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file

from manyshot.base import InputError
from manyshot.meta_augment import AUGMENTERS, LearnedAugmenter
from manyshot.meta_augment.augmenter_config import AugmenterConfig
from manyshot.meta_augment.augmenter_run import AugmenterRun
from manyshot.samples.export_learned import export_learned, replay_learned
from manyshot.training import Config, Run
from manyshot.training.load_run import make_learner

SIZE = 16
FILES = {"cat": ("tom.png", "tim.png"), "[red] dog": ("rex.png",)}


class Lighter(LearnedAugmenter):
    """Adds as much light to all pixels of an item as its draw says."""

    space = "items"

    def draw(self, support, copies, generator):
        tasks, n = support.weight.shape
        return {"light": torch.rand(tasks, n * copies, 1, 1, 1, generator=generator)}

    def vary(self, support, copies, draws, context):
        items = support.items.repeat_interleave(copies, 1) + 0.5 * draws["light"]
        return items, torch.full(items.shape[:2], 1 / copies)


def run_of(augmenter: LearnedAugmenter, text: str, shape: tuple[int, ...]) -> AugmenterRun:
    config = Config("digits", encoder="conv4(4, 4, 4, 4)", size=SIZE)
    learner = make_learner(config, 1, SIZE).eval()
    return AugmenterRun(
        AugmenterConfig("runs/digits", augmenter=text), augmenter.eval(), Run(config, learner, 1, SIZE, []), shape, []
    )


@pytest.fixture
def of_pictures() -> AugmenterRun:
    return run_of(Lighter(), "hallucinator", (1, SIZE, SIZE))


@pytest.fixture
def of_features() -> AugmenterRun:
    text = "hallucinator(noise=4, hidden=8)"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return run_of(AUGMENTERS.parse(text).build(shape=(4,)), text, (4,))


@pytest.fixture
def photos(tmp_path):
    rng = np.random.default_rng(0)
    for name, files in FILES.items():
        (tmp_path / "photos" / name).mkdir(parents=True)
        for file in files:
            pixels = rng.integers(0, 128, (SIZE, SIZE), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / file)
    return tmp_path / "photos"


def lines_of(exported) -> list[dict]:
    return [json.loads(line) for line in exported.manifest.read_text(encoding="utf-8").splitlines()]


def pixels_of(path) -> torch.Tensor:
    with Image.open(path) as image:
        return torch.from_numpy(np.array(image))[None]


class TestPictures:
    def test_stand_in_class_folders_beside_a_sheet_a_class_and_a_manifest(self, of_pictures, photos, tmp_path):
        exported = export_learned(photos, of_pictures, 3, tmp_path / "out")
        assert sorted(str(path.relative_to(exported.folder)) for path in exported.folder.rglob("*.png")) == [
            "[red] dog.sheet.png",
            "[red] dog/rex-00000.png",
            "[red] dog/rex-00001.png",
            "[red] dog/rex-00002.png",
            "cat.sheet.png",
            "cat/tim-00000.png",
            "cat/tim-00002.png",
            "cat/tom-00001.png",
        ]
        assert [line["file"] for line in lines_of(exported)][:2] == [
            "[red] dog/rex-00000.png",
            "[red] dog/rex-00001.png",
        ]
        assert exported.generated == {"[red] dog": 3, "cat": 3}
        assert exported.features is None

    def test_are_what_the_augmenter_makes_of_their_source(self, of_pictures, photos, tmp_path):
        exported = export_learned(photos, of_pictures, 2, tmp_path / "out")
        for line in lines_of(exported):
            light = pixels_of(exported.folder / line["file"]).int() - pixels_of(photos / line["source"]).int()
            assert int(light.min()) >= 0
            assert int(light.max()) - int(light.min()) <= 1

    def test_can_be_made_again_from_their_line(self, of_pictures, photos, tmp_path):
        exported = export_learned(photos, of_pictures, 3, tmp_path / "out", seed=5)
        for line in lines_of(exported):
            assert torch.equal(replay_learned(line, photos, of_pictures), pixels_of(exported.folder / line["file"]))

    def test_the_same_seed_gives_the_same_bytes(self, of_pictures, photos, tmp_path):
        for name, seed in (("a", 0), ("b", 0), ("c", 1)):
            export_learned(photos, of_pictures, 1, tmp_path / name, seed=seed)
        a, b, c = ((tmp_path / name / "cat" / "tim-00000.png").read_bytes() for name in "abc")
        assert a == b
        assert a != c

    def test_no_sample_can_be_made_again_of_other_pictures(self, of_pictures, photos, tmp_path):
        exported = export_learned(photos, of_pictures, 1, tmp_path / "out")
        line = lines_of(exported)[0]
        Image.new("L", (SIZE, SIZE)).save(photos / "cat" / "tom.png")
        with pytest.raises(InputError, match="not the images that the sample was generated from"):
            replay_learned(line, photos, of_pictures)
        with pytest.raises(InputError, match="has no usable"):
            replay_learned({"params": {}}, photos, of_pictures)

    def test_of_another_size_are_seen_and_made_at_the_runs_with_a_note(self, of_pictures, photos, tmp_path, capsys):
        Image.new("RGB", (40, 30)).save(photos / "cat" / "tom.png")
        exported = export_learned(photos, of_pictures, 2, tmp_path / "out")
        said = capsys.readouterr().err
        assert "1 of 3 images (one is 40 x 30) are resized to the 16 x 16 pixels" in said
        assert "one is 40 x 30" in said
        assert pixels_of(exported.folder / "cat" / "tom-00001.png").shape == (1, SIZE, SIZE)


class TestFeatures:
    def test_stand_in_one_file_with_weights_labels_and_the_real_ones(self, of_features, photos, tmp_path):
        exported = export_learned(photos, of_features, 3, tmp_path / "out")
        result = load_file(exported.features)
        assert result["features"].shape == (6, 4)
        assert result["labels"].tolist() == [0, 0, 0, 1, 1, 1]
        assert result["origins"].tolist() == [0, 0, 0, 1, 2, 1]
        assert result["support_features"].shape == (3, 4)
        assert result["support_labels"].tolist() == [0, 1, 1]
        assert (result["weights"] > 0).all()
        with safe_open(exported.features, "pt") as file:
            assert json.loads(file.metadata()["classes"]) == ["[red] dog", "cat"]

    def test_have_a_sheet_of_real_pictures_and_lines_that_make_them_again(self, of_features, photos, tmp_path):
        exported = export_learned(photos, of_features, 3, tmp_path / "out")
        assert [path.name for path in exported.sheets] == ["[red] dog.sheet.png", "cat.sheet.png"]
        assert all(path.is_file() for path in exported.sheets)
        features = load_file(exported.features)["features"]
        for line in lines_of(exported):
            assert torch.equal(replay_learned(line, photos, of_features), features[line["row"]])

    def test_the_nearest_picture_to_a_copy_is_its_original(self, of_features, photos, tmp_path, monkeypatch):
        from manyshot.samples import export_learned as module

        shown = []
        monkeypatch.setattr(module, "_write_sheets", lambda *given: shown.append(given[-1]))
        with torch.no_grad():
            of_features.augmenter.log_strength.fill_(-30.0)
        export_learned(photos, of_features, 2, tmp_path / "out")
        assert torch.equal(shown[0][0], pixels_of(photos / "[red] dog" / "rex.png"))
        assert torch.equal(shown[0][3], pixels_of(photos / "cat" / "tom.png"))

    def test_adapt_to_the_task_only_with_two_pictures_of_each_class(self, of_features, photos, tmp_path):
        with pytest.raises(InputError, match="give two of each class"):
            export_learned(photos, of_features, 2, tmp_path / "out", adapt_steps=2)
        Image.new("L", (SIZE, SIZE)).save(photos / "[red] dog" / "max.png")
        plain, own = (
            load_file(export_learned(photos, of_features, 2, tmp_path / f"{n}", adapt_steps=n).features) for n in (0, 3)
        )
        assert not torch.equal(plain["features"], own["features"])


class TestAllOrNothing:
    def test_a_second_export_needs_overwrite_and_may_be_of_the_other_kind(
        self, of_pictures, of_features, photos, tmp_path
    ):
        export_learned(photos, of_pictures, 1, tmp_path / "out")
        with pytest.raises(InputError, match="--overwrite"):
            export_learned(photos, of_features, 1, tmp_path / "out")
        exported = export_learned(photos, of_features, 1, tmp_path / "out", overwrite=True)
        assert not (exported.folder / "cat").exists()
        export_learned(photos, of_pictures, 1, tmp_path / "out", overwrite=True)
        assert not exported.features.exists()

    def test_what_is_not_ours_is_never_replaced(self, of_pictures, photos, tmp_path):
        export_learned(photos, of_pictures, 1, tmp_path / "out")
        (tmp_path / "out" / "thesis.txt").touch()
        with pytest.raises(InputError, match=r"thesis\.txt"):
            export_learned(photos, of_pictures, 1, tmp_path / "out", overwrite=True)

    @pytest.mark.parametrize(("per_class", "message"), [(0, "give 1 to"), (10**6, "give 1 to")])
    def test_a_wrong_number_is_refused_before_anything_is_written(
        self, of_pictures, photos, tmp_path, per_class, message
    ):
        with pytest.raises(InputError, match=message):
            export_learned(photos, of_pictures, per_class, tmp_path / "out")
        assert not (tmp_path / "out").exists()

    def test_one_class_is_no_task(self, of_pictures, photos, tmp_path):
        for file in (photos / "[red] dog").iterdir():
            file.unlink()
        (photos / "[red] dog").rmdir()
        with pytest.raises(InputError, match="one class"):
            export_learned(photos, of_pictures, 1, tmp_path / "out")

    def test_a_failure_on_the_way_leaves_nothing(self, of_pictures, photos, tmp_path, monkeypatch):
        from manyshot.samples import export_learned as module

        monkeypatch.setattr(module, "_write_sheets", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            export_learned(photos, of_pictures, 1, tmp_path / "out")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["photos"]


def test_images_of_another_shape_are_refused_in_python(of_pictures):
    with pytest.raises(InputError, match="16 x 16 pixels and 1 channel; give"):
        of_pictures.augment(torch.rand(2, 3, SIZE, SIZE), ["a", "b"])
    exported = replace(of_pictures).augment(torch.rand(2, 1, SIZE, SIZE), ["a", "b"], per_class=2)
    assert exported.items.shape == (4, 1, SIZE, SIZE)
