"""Omniglot and its one-shot runs, from small copies of the official layout and from the real files."""

import hashlib

import numpy as np
import pytest
import torch

from manyshot.base import InputError
from manyshot.datasets import DATASETS, check_dataset, load_dataset, load_one_shot_runs
from manyshot.tasks import EpisodeSampler


@pytest.fixture
def drawings(png):
    """Two alphabets of two characters by three drawers: a black stroke on white, whose place tells the character."""
    files = {}
    for a, alphabet in enumerate(("Greek", "Latin")):
        for c in (1, 2):
            for drawer in (1, 2, 3):
                page = np.full((105, 105), 255, dtype=np.uint8)
                page[:, 30 * a + 10 * c : 30 * a + 10 * c + 10] = 0
                name = f"{alphabet}/character0{c}/0{a}{c}1_0{drawer}.png"
                files[f"images_background_small1/{name}"] = png(page)
    return files


@pytest.mark.parametrize(
    "place", ["omniglot/images_background_small1.zip", "images_background_small1.zip", "omniglot/"]
)
def test_characters_are_classes_alphabets_groups_and_drawers_authors(place, tmp_path, drawings, write):
    (tmp_path / "omniglot").mkdir()
    write(tmp_path / place, drawings)
    source = load_dataset("omniglot", "small1", root=tmp_path, size=21)
    assert source.class_names == ("Greek/character01", "Greek/character02", "Latin/character01", "Latin/character02")
    assert source.groups == ("Greek", "Greek", "Latin", "Latin")
    # Drawers are numbered anew in each alphabet, so 01 of two alphabets is not taken for one person.
    assert source.author_names == tuple(
        f"{group}/{drawer}" for group in ("Greek", "Latin") for drawer in ("01", "02", "03")
    )
    assert source.store.shape == (12, 1, 21, 21)
    row = source.gather([0])[0, 0, 10]
    assert (row[2:4] > 230).all()  # ink is 1
    assert (row[5:] == 0).all()  # paper is 0


def test_color_repeats_the_ink(tmp_path, drawings, write):
    write(tmp_path / "images_background_small1.zip", drawings)
    assert load_dataset("omniglot", "small1", root=tmp_path, color=True).store.shape == (12, 3, 28, 28)


def test_a_zip_without_drawings_is_named(tmp_path, png, write):
    write(tmp_path / "images_background_small1.zip", {"cat/1.png": png(1)})
    with pytest.raises(InputError, match=r"images_background_small1\.zip: no drawings; expected ALPHABET"):
        load_dataset("omniglot", "small1", root=tmp_path)


def test_a_truncated_zip_is_named_and_reported(tmp_path, drawings, write):
    path = write(tmp_path / "images_background_small1.zip", drawings)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"images_background_small1\.zip: neither a folder nor a complete zip"):
        load_dataset("omniglot", "small1", root=tmp_path)
    assert {state.file.name: state.state for state in check_dataset("omniglot", tmp_path)} == {
        "images_background.zip": "missing",
        "images_evaluation.zip": "missing",
        "images_background_small1.zip": "truncated",
        "images_background_small2.zip": "missing",
    }


def test_an_unpacked_folder_is_whole_only_if_it_holds_drawings(tmp_path, drawings, write):
    (tmp_path / "images_background_small1" / "Greek").mkdir(parents=True)
    write(tmp_path / "images_background_small2", drawings)
    assert [state.state for state in check_dataset("omniglot", tmp_path)][2:] == ["truncated", "differs"]


def test_a_missing_file_under_a_named_root_is_not_downloaded_but_explained(tmp_path):
    with pytest.raises(InputError, match=r"images_evaluation\.zip: not in .*; fetch it from https://.* and put it"):
        load_dataset("omniglot", "evaluation", root=tmp_path)


def test_the_real_small_sets_have_their_published_numbers(real_data):
    small1, small2 = (load_dataset("omniglot", split, root=real_data) for split in ("small1", "small2"))
    assert (len(small1.class_names), len(small1), len(set(small1.groups))) == (136, 2720, 5)
    assert (len(small2.class_names), len(small2), len(set(small2.groups))) == (156, 3120, 5)
    assert set(small1.groups) & set(small2.groups) == {"Greek", "Latin"}
    assert (small1.counts == 20).all()
    assert len(small1.author_names) == 5 * 20
    assert 10 < small1.store.float().mean() < 40  # mostly paper
    episode = EpisodeSampler(small1, ways=5, shots=1, queries=2).batch(0, 4)
    assert episode.support.items.shape == (4, 5, 1, 28, 28)
    # As in the one-shot runs: one drawer's characters of an alphabet to be matched with another's.
    runs = EpisodeSampler(small1, ways=20, shots=1, queries=1, within_group=1, by_author=True).batch(0, 4)
    assert runs.query.items.shape == (4, 20, 1, 28, 28)


def test_the_real_files_are_those_published(real_data):
    states = {state.file.name: state.state for state in check_dataset("omniglot", real_data)}
    assert states["images_background_small1.zip"] == states["images_background_small2.zip"] == "present"


def pages(png, run: int, n: int = 3) -> dict[str, bytes]:
    """A run in which test drawing i shows training drawing n + 1 - i, with a stroke of that drawing's height."""

    def page(height):
        paper = np.full((105, 105), 255, dtype=np.uint8)
        paper[: 20 * height] = 0
        return png(paper)

    files = {f"run0{run}/training/class0{i}.png": page(i) for i in range(1, n + 1)}
    files |= {f"run0{run}/test/item0{i}.png": page(n + 1 - i) for i in range(1, n + 1)}
    lines = (f"run0{run}/test/item0{i}.png run0{run}/training/class0{n + 1 - i}.png" for i in range(1, n + 1))
    return files | {f"run0{run}/class_labels.txt": "\n".join(lines).encode()}


@pytest.mark.parametrize("above", ["", "all_runs/"])
@pytest.mark.parametrize("kind", ["folder", "runs.zip"])
def test_runs_become_the_tasks_of_one_episode(kind, above, tmp_path, png, write):
    files = pages(png, 1) | pages(png, 2)
    path = write(tmp_path / kind, {above + name: data for name, data in files.items()})
    runs = load_one_shot_runs(path, size=21)
    assert runs.names == ("run01", "run02")
    support, query = runs.episode.support, runs.episode.query
    assert support.items.shape == query.items.shape == (2, 3, 1, 21, 21)
    assert support.items.dtype == torch.uint8
    assert support.class_ids.tolist() == query.class_ids.tolist() == [[0, 1, 2]] * 2
    assert support.items.equal(query.items)  # each query shows what its class shows
    assert (support.items[0, :, 0, 0] == 255).all()
    assert support.weight.eq(1).all()
    assert runs.episode.classes.tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(
    "shape", ["{run}/test/{item} {run}/training/{answer}", "test/{item} training/{answer}", "{item} {answer}"]
)
def test_paths_of_labels_may_be_short_or_long(shape, tmp_path, png, write):
    files = pages(png, 1)
    lines = (shape.format(run="all_runs/run01", item=f"item0{i}.png", answer=f"class0{4 - i}.png") for i in (1, 2, 3))
    files["run01/class_labels.txt"] = "\r\n".join([*lines, ""]).encode()
    runs = load_one_shot_runs(write(tmp_path / "runs.zip", files), size=21)
    assert runs.episode.support.items.equal(runs.episode.query.items)


def spoil(files: dict[str, bytes], what: str) -> dict[str, bytes]:
    key = "run01/class_labels.txt"
    match what:
        case "missing drawing":
            del files["run01/training/class02.png"]
        case "missing line":
            files[key] = b"\n".join(files[key].split(b"\n")[1:])
        case "half a line":
            files[key] += b"\nrun01/test/item01.png"
        case "two answers":
            files[key] += b"\nrun01/test/item01.png run01/training/class01.png"
        case "swapped columns":
            files[key] = b"run01/training/class01.png run01/test/item01.png"
        case "no runs":
            del files[key]
        case "no tests":
            files = {name: data for name, data in files.items() if "/test/" not in name} | {key: b""}
    return files


@pytest.mark.parametrize(
    ("what", "message"),
    [
        (
            "missing drawing",
            r"line 2: no training drawing 'run01/training/class02\.png'; correct the line or add the file",
        ),
        ("missing line", r"no line for 'item01\.png'"),
        ("half a line", "line 4: expected 'TEST-FILE TRAINING-FILE'"),
        ("two answers", r"line 4: 'item01\.png' has two answers"),
        ("swapped columns", "line 1: no test drawing"),
        ("no runs", "no runs; expected run01/class_labels.txt"),
        ("no tests", "no test drawings"),
    ],
)
def test_spoiled_runs_are_named_in_one_line(what, message, tmp_path, png, write):
    path = write(tmp_path / "runs.zip", spoil(pages(png, 1), what))
    with pytest.raises(InputError, match=message) as caught:
        load_one_shot_runs(path, 28)
    assert str(path) in str(caught.value)


def test_two_runs_of_one_name_are_named(tmp_path, png, write):
    files = {f"{above}/{name}": data for above in ("all_runs", "copy") for name, data in pages(png, 1).items()}
    with pytest.raises(InputError, match=r"runs\.zip: 'all_runs/run01' and 'copy/run01' are both run01"):
        load_one_shot_runs(write(tmp_path / "runs.zip", files), 28)


def test_runs_of_different_size_are_named(tmp_path, png, write):
    path = write(tmp_path / "runs.zip", pages(png, 1) | pages(png, 2, n=2))
    with pytest.raises(InputError, match="run02 has 2 training and 2 test drawings, run01 has 3 and 3"):
        load_one_shot_runs(path, 28)


def test_the_real_practice_runs_load(real_data):
    runs = load_one_shot_runs(real_data / "omniglot" / "practice_runs.zip", size=28)
    assert len(runs.names) == 20
    assert runs.episode.support.items.shape == runs.episode.query.items.shape == (20, 20, 1, 28, 28)
    small = load_dataset("omniglot", "small1", root=real_data)
    assert abs(runs.episode.support.items.float().mean() - small.store.float().mean()) < 10


def test_every_file_that_is_downloaded_has_a_checksum_that_hashlib_knows():
    for row in DATASETS.values():
        for file in row.files:
            assert set(file.splits) <= set(row.splits)
            if file.checksum is None:  # then it is never downloaded
                continue
            algorithm, digest = file.checksum.split(":")
            assert len(digest) == 2 * hashlib.new(algorithm).digest_size
