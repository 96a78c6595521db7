import copy
import json
import shutil
from dataclasses import replace

import pytest
import torch
from PIL import Image

from manyshot.augment import Plan
from manyshot.base import InputError
from manyshot.datasets import load_dataset
from manyshot.objectives import Plain
from manyshot.runtime.clock import CpuClock, cpu_seconds
from manyshot.runtime.device import device_or_cpu, require_device
from manyshot.training import Config, Settings, classes_seen, drop_validation_if_small, load_run, load_sources, train
from manyshot.training.load_run import make_learner
from manyshot.training.splits import training_sampler
from manyshot.training.train_from_config import check_trainable
from manyshot.training.training_loop import check_step
from one_line_error import one_line_error

FIT = Settings(steps=3, meta_batch_size=2, validation_tasks=2, save_every=2)
CONFIG = Config("digits", encoder="conv4(4, 4, 4, 4)", ways=3, queries=2, validation=0.3, fit=FIT)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run that was trained to its end."""
    return train(CONFIG, tmp_path_factory.mktemp("runs") / "finished")


@pytest.fixture
def copied(finished, tmp_path):
    """A copy of it to spoil."""
    return shutil.copytree(finished.folder, tmp_path / "run")


def weights_of(run):
    return run.learner.state_dict()


def same(a, b) -> bool:
    return all(tensor.equal(weights_of(b)[name]) for name, tensor in weights_of(a).items())


def test_a_run_is_read_back_as_it_was(finished):
    result = load_run(finished.folder)
    assert result.config == CONFIG
    assert (result.channels, result.size, result.rows) == (finished.channels, finished.size, finished.rows)
    assert same(result, finished)
    assert not result.learner.training


def test_the_same_settings_give_the_same_run_on_disk_or_not(finished):
    assert same(train(CONFIG), finished)
    assert not same(train(CONFIG.with_seed(1)), finished)


def test_a_finished_run_is_not_trained_again(finished, copied):
    again = train(CONFIG, copied, resume=True)
    assert again.rows == finished.rows
    assert same(again, finished)


def test_a_folder_with_a_run_is_not_overwritten(copied):
    with pytest.raises(InputError, match="holds a run already; go on with it by --resume"):
        train(CONFIG, copied)


def test_a_run_goes_on_with_its_own_settings_only(copied):
    with pytest.raises(InputError, match=r"queries=3, but the run in .* has 2;"):
        train(replace(CONFIG, queries=3), copied, resume=True)
    with pytest.raises(InputError, match=r"steps=9, but the run in .* has 3;"):
        train(replace(CONFIG, fit=replace(CONFIG.fit, steps=9)), copied, resume=True)


def test_a_folder_of_other_things_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("")
    for resume in (False, True):
        with pytest.raises(InputError, match="is not empty and holds no run"):
            train(CONFIG, tmp_path, resume=resume)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="not a folder"):
        train(CONFIG, tmp_path / "file")


def test_a_run_killed_before_it_had_settings_can_be_started_again(tmp_path):
    (tmp_path / ".config-8d2k_0az.json").write_text("{")
    assert len(train(CONFIG, tmp_path, resume=True).rows) == 4


def test_a_run_killed_before_its_first_validation_can_be_read(copied):
    (copied / "best.safetensors").unlink()
    assert load_run(copied).config == CONFIG


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", None, "holds no run"),
        ("config.json", b"", "not valid JSON"),
        ("config.json", b"[1]", "not a run's settings"),
        ("config.json", b'{"config": {"data": "digits"}, "channels": 1}', "not a run's settings"),
        ("config.json", b'{"config": {"data": "digits"}, "channels": "x", "size": 28}', "not a run's settings"),
        ("config.json", b'{"config": {"data": "digits"}, "channels": 1, "size": 1e999}', "not valid JSON"),
        ("config.json", b'{"config": {"data": "digits"}, "channels": 1, "size": 10000000}', "out of range"),
        ("config.json", b'{"config": {"data": "digits"}, "channels": 3, "size": 28}', "do not fit this learner"),
        ("best.safetensors", b"", "damaged"),
        ("best.safetensors", b"\x80\x04K\x01.", "damaged"),
        ("metrics.jsonl", b"[]\n", "no row of metrics"),
    ],
)
def test_a_damaged_folder_is_named(name, content, message, copied):
    path = copied / name
    path.unlink() if content is None else path.write_bytes(content)
    with one_line_error(message):
        load_run(copied)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match="nowhere holds no run"):
        load_run(tmp_path / "nowhere")


def test_weights_may_be_used_by_another_learner_that_they_fit(finished):
    nearest = finished.with_learner("prototypes(nearest)")
    assert nearest.learner.match == "nearest"
    assert same(nearest, finished)
    with pytest.raises(InputError, match="learner 'maml' has other weights than 'prototypes'"):
        finished.with_learner("maml")


def test_parts_of_the_data_have_no_class_in_common_and_are_the_same_for_every_seed():
    config = replace(CONFIG, validation=0.3, test=0.2)
    parts = load_sources(config)
    names = [set(part.class_names) for part in (parts.training, parts.validation, parts.test)]
    assert [len(n) for n in names] == [5, 3, 2]
    assert len(set.union(*names)) == 10
    assert load_sources(config.with_seed(5)).test.class_names == parts.test.class_names
    alone = load_sources(replace(CONFIG, validation=0.0))
    assert alone.validation is alone.test is None
    by_item = load_sources(replace(config, split_by="item"))
    assert by_item.training.class_names == by_item.test.class_names
    assert not set(by_item.training.rows) & set(by_item.test.rows)


def test_few_training_classes_are_drawn_by_the_seed_and_lie_among_more():
    config = replace(CONFIG, validation=0.2, test=0.2, ways=2)
    whole = load_sources(config)
    few = load_sources(replace(config, classes=3))
    more = load_sources(replace(config, classes=5))
    assert len(few.training.class_names) == 3
    assert set(few.training.class_names) < set(more.training.class_names) < set(whole.training.class_names)
    assert few.validation.class_names == whole.validation.class_names
    assert few.test.class_names == whole.test.class_names
    drawn = [load_sources(replace(config, classes=3).with_seed(seed)).training.class_names for seed in range(5)]
    assert len(set(drawn)) > 1
    assert drawn[0] == load_sources(replace(config, classes=3, plan="task: turn").with_seed(0)).training.class_names
    alone = load_sources(replace(CONFIG, validation=0.0, classes=4))
    assert len(alone.training.class_names) == 4
    with pytest.raises(InputError, match=r"classes=7, but digits \(training part\) has 6; ask for fewer"):
        load_sources(replace(config, classes=7))


def test_a_run_of_few_classes_sees_no_others():
    run = train(replace(CONFIG, validation=0.0, ways=2, classes=3))
    source = load_dataset("digits")
    assert classes_seen(run.config, "digits", source) == 3
    tasks = training_sampler(run.config, load_sources(run.config).training).batch(0, 50)
    assert set(tasks.classes.unique().tolist()) == {0, 1, 2}


def test_a_part_of_one_class_is_too_small():
    with pytest.raises(InputError, match=r"validation=0\.1 of .* is 1 class"):
        load_sources(replace(CONFIG, validation=0.1))


def test_a_device_that_is_not_there_is_named_before_training(tmp_path):
    with pytest.raises(InputError, match="device='cuba': not on this machine"):
        train(replace(CONFIG, fit=replace(CONFIG.fit, device="cuba")), tmp_path / "run")
    for device in ("meta", "hpu", ""):
        with pytest.raises(InputError, match=f"device='{device}'"):
            require_device(device)


@pytest.mark.parametrize(
    "wrong",
    [
        {"ways": 9},
        {"queries": 500},
        {"validation": 0.1},
        {"fit": replace(CONFIG.fit, device="cuba")},
        {"objective": "mlti", "learner": "probe"},
        {"objective": "mlti", "learner": "reptile"},
        {"objective": "maxup", "learner": "reptile", "plan": "query: noise"},
        {"plan": "task: label_noise"},
    ],
)
def test_what_cannot_be_trained_is_reported_and_leaves_no_trace_in_the_folder(wrong, tmp_path):
    wrong = replace(CONFIG, **wrong)
    with pytest.raises(InputError):
        check_trainable(wrong)
    with pytest.raises(InputError):
        train(wrong, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("learner", "mode"), [("probe", True), ("maml-plus-plus(steps=1)", False)])
def test_the_probe_before_a_training_leaves_the_learner_and_the_randomness_as_they_were(learner, mode):
    config = replace(CONFIG, learner=learner, ways=2)
    sampler = training_sampler(config, load_sources(config).training)
    tried = make_learner(config, 1, 28, classes=9).train(mode)
    before = {name: tensor.clone() for name, tensor in tried.state_dict().items()}
    state = torch.get_rng_state()
    check_step(tried, sampler, config.fit, Plan(), Plain())
    assert tried.training == mode
    assert all(tensor.equal(before[name]) for name, tensor in tried.state_dict().items())
    assert torch.get_rng_state().equal(state)


def test_another_learner_lies_where_the_weights_of_the_run_lie(finished):
    elsewhere = replace(finished, learner=copy.deepcopy(finished.learner).to("meta"))
    used = elsewhere.with_learner("ridge").learner
    assert {parameter.device.type for parameter in used.parameters()} == {"meta"}


def test_data_too_few_to_hold_some_out_are_all_trained_on():
    assert drop_validation_if_small(replace(CONFIG, validation=0.3)).validation == 0.3
    assert drop_validation_if_small(replace(CONFIG, validation=0.1)).validation == 0
    assert drop_validation_if_small(replace(CONFIG, ways=10)).validation == 0
    with pytest.raises(InputError, match="ways=11; lower the ways"):
        drop_validation_if_small(replace(CONFIG, ways=11))


def test_a_run_on_a_folder_is_of_use_from_another_folder(tmp_path, monkeypatch):
    for name in "abcd":
        (tmp_path / "here" / "photos" / name).mkdir(parents=True)
        for number in range(4):
            Image.new("L", (16, 16), 60 * number).save(tmp_path / "here" / "photos" / name / f"{number}.png")
    monkeypatch.chdir(tmp_path / "here")
    config = Config("photos", root=".", encoder="conv4(4, 4, 4, 4)", ways=2, queries=1, validation=0.5, size=16)
    built = train(replace(config, fit=replace(CONFIG.fit, steps=1)), tmp_path / "run")
    assert not (tmp_path / "here" / "run").exists()
    monkeypatch.chdir(tmp_path)
    result = load_run("run").config
    assert load_sources(result).training.class_names == load_sources(built.config).training.class_names
    assert result.root == str(tmp_path / "here")
    assert classes_seen(result, "here/photos", load_dataset("here/photos")) == 2
    assert classes_seen(result, "digits", load_dataset("here/photos")) == 0


def test_parts_are_named_as_people_know_them():
    parts = load_sources(replace(CONFIG, validation=0.3, test=0.2))
    assert [part.name.split("digits ")[1] for part in (parts.training, parts.validation, parts.test)] == [
        "(training part)",
        "(validation part)",
        "(test part)",
    ]


def test_a_run_notes_its_cpu_seconds_over_all_stretches(copied):
    first = cpu_seconds(copied)
    assert first > 0
    train(CONFIG, copied, resume=True)
    assert cpu_seconds(copied) == first, "nothing was left to do"
    (copied / "last.safetensors").unlink()
    train(CONFIG, copied, resume=True)
    assert 0 < cpu_seconds(copied) < 100
    (copied / "timing.json").write_text("[]")
    with pytest.raises(InputError, match=r"timing\.json: holds no CPU seconds"):
        cpu_seconds(copied)


def test_cpu_seconds_add_up(tmp_path):
    (tmp_path / "timing.json").write_text('{"cpu_seconds": 1000}')
    CpuClock(tmp_path, resumed=True).note(5.0)
    assert 1000 <= cpu_seconds(tmp_path) < 1010
    CpuClock(tmp_path, resumed=False).note(5.0)
    assert cpu_seconds(tmp_path) < 10


def test_a_run_trained_on_a_device_that_this_machine_lacks_can_be_read(copied):
    path = copied / "config.json"
    values = json.loads(path.read_text())
    values["config"]["fit"]["device"] = "cuda:77"
    path.write_text(json.dumps(values))
    assert next(load_run(copied).learner.parameters()).device == torch.device("cpu") == device_or_cpu("cuda:77")


@pytest.mark.parametrize("learner", ["ridge(penalty=0.3)", "logistic", "matching", "probe", "fine-tune"])
def test_an_encoder_can_be_used_by_learners_that_add_single_numbers_to_it(learner, finished):
    used = finished.with_learner(learner)
    assert all(
        tensor.equal(used.learner.encoder.state_dict()[name])
        for name, tensor in finished.learner.encoder.state_dict().items()
    )
    assert used.with_learner("prototypes").learner.state_dict().keys() == weights_of(finished).keys()
    if learner.startswith("ridge"):
        assert used.learner.log_penalty.exp().item() == pytest.approx(0.3)


def test_a_learner_whose_own_weights_were_never_trained_is_refused(finished):
    with pytest.raises(InputError, match="learner 'relation' has other weights than 'prototypes'"):
        finished.with_learner("relation")


@pytest.mark.parametrize("learner", ["probe", "baseline-plus-plus", "fine-tune(steps=2)"])
def test_a_learner_that_trains_as_a_classifier_knows_the_training_classes(learner, tmp_path):
    built = train(replace(CONFIG, learner=learner), tmp_path / "run")
    result = load_run(tmp_path / "run")
    assert same(result, built)
    assert result.learner.base.weight.shape == (len(load_sources(CONFIG).training.class_names), 4)
    assert result.with_learner("prototypes").learner.encoder.state_dict().keys()


def test_a_run_of_an_older_version_says_nothing_of_its_classes_and_can_be_read(copied):
    path = copied / "config.json"
    values = json.loads(path.read_text())
    del values["training_classes"]
    path.write_text(json.dumps(values))
    assert load_run(copied).config == CONFIG
    path.write_text(json.dumps(values | {"training_classes": 10**9}))
    with pytest.raises(InputError, match="training_classes=1000000000: out of range"):
        load_run(copied)
