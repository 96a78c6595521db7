"""Trainings and shards on a Ray cluster end as they do on this machine, whatever happens to its nodes."""

import logging
import os
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from PIL import Image

from manyshot.augment import Plan
from manyshot.base import InputError, TrainingDiverged, locked_folder, quieten
from manyshot.compare import Arm, Comparison, EvaluationSuite, run_comparison, train_arms
from manyshot.compare.train_on_ray import TOKEN, _train_on_node
from manyshot.runtime.metrics_log import steps_noted
from manyshot.runtime.ray_cluster import check_place
from manyshot.samples.augment_shards import augment_shards
from small_comparison import ARMS, CONFIG

TRAINED = ("best.safetensors", "last.safetensors", "metrics.jsonl", "config.json")
SLOW = replace(CONFIG, fit=replace(CONFIG.fit, steps=120, save_every=5))


def bits(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.name in TRAINED
    }


@contextmanager
def cluster(*cores: int) -> Iterator[Any]:
    """A cluster of several nodes on this machine, to which this process is connected."""
    pytest.importorskip("ray", reason='needs pip install "manyshot[ray]"')
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
        import ray
        from ray.cluster_utils import Cluster

        small = {"object_store_memory": 80 << 20, "include_dashboard": False}
        nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **small})
        nodes.lost = [nodes.add_node(num_cpus=count, object_store_memory=80 << 20) for count in cores]
        ray.init(address=nodes.address, log_to_driver=False, logging_level=logging.ERROR)
        try:
            yield nodes
        finally:
            ray.shutdown()
            nodes.shutdown()


@pytest.mark.filterwarnings("ignore")  # of Ray itself
class TestCluster:
    def test_shards_are_the_same_bytes_as_on_this_machine(self, tmp_path):
        for number in range(8):
            path = tmp_path / "photos" / ("ant", "bee")[number % 2] / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (12, 14), (20 * number, 200, 90)).save(path)
        plan, made = Plan("shots: flip affine(15) brightness"), {}
        with cluster(1, 1):
            for on in ("here", "ray"):
                written = augment_shards(tmp_path / "photos", plan, tmp_path / on, shard_size=2, jobs=2, on=on)
                assert (written.shards, written.samples) == (4, 8)
                made[on] = {path.name: path.read_bytes() for path in (tmp_path / on).glob("*.tar")}
        assert len(made["ray"]) == 4
        assert made["ray"] == made["here"]

    def test_a_comparison_survives_the_loss_of_a_node(self, tmp_path):
        here, there = tmp_path / "here", tmp_path / "there"
        suites = (EvaluationSuite("all", 2, queries=3, tasks=4),)
        compared = Comparison("", SLOW, ARMS, suites, seeds=1)
        expected = run_comparison(compared, here, jobs=2)
        lost_at = []
        with cluster(1, 1) as nodes:

            def lose() -> None:
                runs = [there / f"arm-{number}" / "seed-0" for number in (0, 1)]
                while not all(steps_noted(run) > 10 for run in runs):
                    time.sleep(0.02)
                lost_at.extend(map(steps_noted, runs))
                nodes.remove_node(nodes.lost[0], allow_graceful=False)

            loss = Thread(target=lose, daemon=True)
            loss.start()
            found = run_comparison(compared, there, on="ray")
            loss.join(60)
        assert lost_at, "the node was to be lost during the trainings"
        assert max(lost_at) < 120
        assert bits(there) == bits(here)
        assert (there / "tasks.csv").read_bytes() == (here / "tasks.csv").read_bytes()
        assert found.results["all"]["turned"].as_dict() == expected.results["all"]["turned"].as_dict()
        assert not list(there.rglob(f"{TOKEN}*"))

    def test_errors_come_back_as_they_are_and_what_is_trained_stays(self, tmp_path):
        exploding = Arm.parse("explodes = none | learning_rate=1e30")
        with cluster(1):
            with pytest.raises(TrainingDiverged) as caught:
                train_arms([Arm.parse("none"), exploding], CONFIG, 1, tmp_path, on="ray")
            assert "\n" not in str(caught.value)
            before = bits(tmp_path / "arm-0")
            runs, _ = train_arms([Arm.parse("none")], CONFIG, 1, tmp_path, on="ray")
            assert bits(tmp_path / "arm-0") == before
            assert len(runs["none"][0].rows) == CONFIG.fit.steps
            gpu = replace(CONFIG, fit=replace(CONFIG.fit, device="cuda"))
            with pytest.raises(InputError, match=r"cuda|GPU"):
                train_arms([Arm.parse("none")], gpu, 1, tmp_path / "gpu", on="ray")


@pytest.fixture
def notes_again():
    """A task on a node is quiet; what this process prints later is not."""
    yield
    quieten(False)


@pytest.mark.usefixtures("notes_again")
class TestTask:
    def test_a_node_that_does_not_see_the_folder_sends_the_run_back(self, tmp_path):
        files = _train_on_node(CONFIG, str(tmp_path / "elsewhere" / "seed-0"), f"{TOKEN}none", {})
        train_arms([Arm.parse("none")], CONFIG, 1, tmp_path / "here", jobs=1)
        expected = bits(tmp_path / "here" / "arm-0" / "seed-0")
        assert {name: files[name] for name in expected} == expected
        assert not (tmp_path / "elsewhere").exists()

    def test_it_goes_on_from_the_files_that_it_was_given(self, tmp_path):
        half = _train_on_node(replace(CONFIG, fit=replace(CONFIG.fit, steps=1)), str(tmp_path / "a"), TOKEN, {})
        done = _train_on_node(replace(CONFIG, fit=replace(CONFIG.fit, steps=1)), str(tmp_path / "a"), TOKEN, half)
        assert done["last.safetensors"] == half["last.safetensors"]
        with pytest.raises(InputError, match="steps"):
            _train_on_node(CONFIG, str(tmp_path / "a"), TOKEN, half)

    def test_it_waits_for_a_process_of_a_lost_node(self, tmp_path):
        run = tmp_path / "seed-0"
        (tmp_path / TOKEN).touch()
        holding = Thread(target=_hold, args=(run, 0.6))
        holding.start()
        time.sleep(0.1)
        began = time.monotonic()
        assert _train_on_node(CONFIG, str(run), TOKEN, {}) == {}
        assert time.monotonic() - began > 0.3
        holding.join()
        assert steps_noted(run) == CONFIG.fit.steps


def _hold(folder: Path, seconds: float) -> None:
    with locked_folder(folder):
        time.sleep(seconds)


@pytest.mark.parametrize("place", ["", "there", "rai"])
def test_an_unknown_place_is_refused_before_anything_is_trained(place, tmp_path):
    with pytest.raises(InputError, match="give 'here', 'ray', or the address"):
        train_arms([Arm.parse("none")], CONFIG, 1, tmp_path / "out", on=place)
    assert not (tmp_path / "out").exists()


def test_without_ray_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(InputError, match=r'pip install "manyshot\[ray\]"'):
        check_place("ray")
    check_place("here")
