"""`manyshot rl train`, `evaluate` and `compare`, from the command line to the page."""

import json

import pytest
from PIL import Image
from typer.testing import CliRunner

from manyshot.cli.main import app
from manyshot.rl.rl_arm import RLArm

FAMILY = ["--values", "goal_x=0.2..0.8/0.2, goal_y=0.5, controls=0", "--worlds", "2", "--validation", "1"]
SMALL = ["--steps", "96", "--games", "4", "--rollout", "12", "--width", "8", "--minibatches", "2"]


def invoke(*words):
    return CliRunner().invoke(app, ["rl", *words])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "agent"
    done = invoke("train", "point", *FAMILY, *SMALL, "--learner", "rl2(memory=4)", "--out", str(out), "--json")
    assert done.exit_code == 0, done.output
    return out, json.loads(done.stdout)


def test_a_training_leaves_a_run_and_a_page(run):
    out, answer = run
    assert answer["updates"] == 2
    assert 0 <= answer["held_out_solved"] <= 1
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Which worlds it solves" in page
    assert "worlds that it never saw" in page
    assert (out / "tensorboard").is_dir()


def test_a_finished_training_is_resumed_without_a_step(run):
    out, _ = run
    before = (out / "last.safetensors").read_bytes()
    words = ("train", "point", *FAMILY, *SMALL, "--learner", "rl2(memory=4)", "--out", str(out))
    assert invoke(*words).exit_code == 2
    assert invoke(*words, "--resume").exit_code == 0
    assert (out / "last.safetensors").read_bytes() == before


def test_an_evaluation_lists_every_world_and_shows_episodes(run, tmp_path):
    out, _ = run
    show, file = tmp_path / "episodes.gif", tmp_path / "worlds.json"
    done = invoke("evaluate", str(out), "--trials", "2", "--show", str(show), "--out", str(file), "--json")
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert answer == json.loads(file.read_text(encoding="utf-8"))
    assert [sorted(world["context"]) for world in answer["each"]] == [["controls", "goal_x", "goal_y"]]
    assert len(answer["solved"]) == 2
    with Image.open(show) as animation:
        assert animation.n_frames > 2


def test_an_evaluation_says_what_memory_is_good_for(run):
    done = invoke("evaluate", str(run[0]), "--forget", "--worlds", "training", "--sampled")
    assert done.exit_code == 0
    assert "episode 2" in done.stdout
    assert "2 training worlds" in done.stdout


def test_a_diagnosis_by_an_agent_says_whether_it_is_to_be_trusted(run):
    done = invoke("diagnose", str(run[0]), "--view", "noise(0.05)", "--json")
    answer = json.loads(done.stdout)
    assert [one["op"] for one in answer["views"]] == ["noise(0.05)"]
    doubted = "has not learned to solve its training worlds"
    assert (doubted in invoke("diagnose", str(run[0]), "--view", "noise(0.05)").output) == (
        answer["training_solved"] < 0.5
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("evaluate", "nowhere"), "no agent's run"),
        (("diagnose", "runs/nowhere"), "no such folder"),
        (("train", "point", "--plan", "view: crop", "--out", "new"), "observations of point are vectors"),
        (("train", "leap", "--steps", "0", "--out", "new"), "steps=0"),
        (("compare", "leap", "--arms", "none", "--arms", "none", "--out", "new"), "two arms are called 'none'"),
        (("compare", "leap", "--arms", "none | speed=1", "--out", "new"), "cannot be set here"),
    ],
)
def test_bad_input_is_refused_in_one_line(words, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = invoke(*words)
    assert done.exit_code == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "new").exists()


def test_an_animation_that_cannot_be_written_is_refused_before_anything_is_played(run, tmp_path, monkeypatch):
    monkeypatch.setattr("manyshot.rl.rl_train.evaluate_run", None)
    (tmp_path / "file").touch()
    refused = ((tmp_path / "new" / "episodes.mp4", "ends with .gif"), (tmp_path / "file" / "x.gif", "not a folder"))
    for show, message in refused:
        done = invoke("evaluate", str(run[0]), "--show", str(show))
        assert done.exit_code == 2
        assert message in done.stderr
    assert not (tmp_path / "new").exists()


def test_the_folder_of_an_animation_is_made(run, tmp_path):
    assert invoke("evaluate", str(run[0]), "--show", str(tmp_path / "new" / "episodes.gif")).exit_code == 0
    assert (tmp_path / "new" / "episodes.gif").is_file()


def test_a_comparison_is_written_as_a_page_with_intervals(tmp_path, monkeypatch):
    from manyshot.report.page import Paragraph
    from manyshot.report.rl_page import UNTRAINED, compare_agents_page
    from manyshot.rl import rl_compare
    from manyshot.rl.rl_config import RLConfig, RLSettings

    monkeypatch.setattr(rl_compare, "_train_all", lambda work, *_: [rl_compare._train_one(*job) for job in work])
    fit = RLSettings(steps=96, games=4, rollout=12, width=8, minibatches=2)
    config = RLConfig("point", worlds=2, validation=1, values=FAMILY[1], fit=fit)
    arms = [RLArm.parse("none"), RLArm.parse("bandit = none | choose=bandit(amplitude, none)")]
    compared = rl_compare.compare_agents(arms, config, 2, tmp_path / "cmp")
    page = compare_agents_page("two arms", compared, "manyshot rl compare point")
    headings = [section.heading for section in page.sections]
    assert headings[:3] == ["Held-out worlds solved", "Training and held-out worlds", "Which worlds each arm solves"]
    assert "What was chosen (bandit)" in headings
    assert "'none' solves" in page.summary
    assert (UNTRAINED in [part.text for part in page.sections[0].parts if isinstance(part, Paragraph)]) == all(
        arm.trained_solved < 0.5 for arm in compared.arms
    )
