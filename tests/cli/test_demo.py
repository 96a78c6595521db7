from dataclasses import replace

import pytest

import manyshot as ms
from manyshot.base import InputError
from manyshot.report import demo_augmenter, demo_fit
from manyshot.report import run_demo as demo


@pytest.fixture
def tiny(monkeypatch):
    """The demo in seconds: three steps of two small arms."""
    settings = replace(demo.CONFIG.fit, steps=3, meta_batch_size=1)
    monkeypatch.setattr(demo, "CONFIG", replace(demo.CONFIG, encoder="conv4(4, 4, 4, 4)", fit=settings))
    for name, value in (("TASKS", 20), ("SEEDS", 2), ("PER_CLASS", 2)):
        monkeypatch.setattr(demo, name, value)
    for name, value in (("SHOTS", 2), ("TESTS", 1), ("BUDGET", 0.0)):
        monkeypatch.setattr(demo_fit, name, value)
    monkeypatch.setattr(demo_augmenter, "TASKS", 4)
    monkeypatch.setattr(demo_augmenter, "FIT", replace(demo_augmenter.FIT, steps=2))


@pytest.mark.usefixtures("forked_workers")
def test_the_demo_trains_evaluates_makes_samples_and_reports(manyshot, tiny, tmp_path):
    answer = manyshot("demo", "--out", tmp_path / "demo", "--json").json
    assert list(answer) == ["one_shot", "five_shot", "stage_two", "fit", "seconds", "report"]
    for shots in ("one_shot", "five_shot"):
        result = answer[shots]
        assert list(result) == ["without", "with", "difference", "interval"]
        assert result["difference"] == pytest.approx(result["with"] - result["without"])
        assert result["interval"][0] <= result["difference"] <= result["interval"][1]
    learned = answer["stage_two"]
    assert learned["shots by the augmenter"]["against_first"] is not None
    assert learned["no generated shots"]["against_first"] is None
    assert answer["fit"]["examples"] == 20
    assert answer["fit"]["accuracy"] > 0.2
    assert answer["fit"]["onnx_difference"] < 0.001
    assert ms.load(tmp_path / "demo" / "fitted" / "model").class_names == tuple("0123456789")
    page = (tmp_path / "demo" / "report.html").read_text(encoding="utf-8")
    assert "From printed letters to handwritten digits" in page
    assert "<script" not in page
    assert "Samples by a learned augmenter" in page
    for folder in ("samples", "tailored"):
        assert len(list((tmp_path / "demo" / folder).glob("*/*.png"))) == 10 * 2
    assert (tmp_path / "demo" / "augmenters" / "seed-0" / "config.json").exists()
    demo._clear(tmp_path / "demo")  # a second demo may take its place


@pytest.mark.parametrize("name", ["runs", "thesis.txt", "samples"])
def test_what_no_demo_made_is_not_touched(name, tiny, tmp_path):
    (tmp_path / "mine" / name).mkdir(parents=True)
    with pytest.raises(InputError, match=name):
        demo.make_demo(tmp_path / "mine", 0, "manyshot demo")
    assert (tmp_path / "mine" / name).is_dir()


def test_files_of_the_desktop_do_not_stand_in_the_way(tmp_path):
    (tmp_path / ".DS_Store").touch()
    demo._clear(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == [".DS_Store"]


def test_a_demo_leaves_what_a_person_put_beside_its_own(tiny, tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / demo.NOTE).touch()
    (tmp_path / "notes.txt").write_text("mine")
    demo._clear(tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == [demo.NOTE, "notes.txt"]
