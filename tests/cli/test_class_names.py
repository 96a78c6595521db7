"""Names of classes on the command line: training the map, using it, its controls, and comparing it."""

import pytest


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Sixteen classes of sentences whose words are those of their names, and some."""
    path = tmp_path_factory.mktemp("names")
    things, acts = ("card", "pin", "loan", "account"), ("lost", "blocked", "new", "old")
    fillers = ("please help", "hello", "what now", "i need it", "today", "can you", "urgent", "thanks")
    rows = [f"{filler} {act} {thing},{act}_{thing}" for thing in things for act in acts for filler in fillers]
    (path / "bank.csv").write_text("\n".join(["text,label", *rows]))
    about = [f"{act}_{thing},my {thing} is {act}" for thing in things for act in acts]
    (path / "classes.csv").write_text("\n".join(["class,about", *about]))
    return path


def test_the_whole_way(folder, manyshot, monkeypatch):
    monkeypatch.chdir(folder)

    def run(*words: str):
        answer = manyshot(*words, "--quiet")
        assert answer.status == 0, answer.errors
        return answer

    common = ("--ways", "4", "--queries", "3")
    encoder = ("--encoder", "ngrams(128)")
    run("train", "bank.csv", *encoder, "--learner", "ridge", "--steps", "1", "--out", "runs/a", *common)
    naming = ("--augmenter", "naming(text=ngrams)", "--copies", "1", "--about", "classes.csv")
    run("train", "bank.csv", "--stage", "augmenter", "--learner", "runs/a", *naming, "--out", "runs/n", *common)
    plan = ("--plan", "shots: 1 x learned", "--augmenter", "runs/n", "--about", "classes.csv", "--shuffled-names")
    names = run("evaluate", "runs/a", "bank.csv", *plan, *common, "--tasks", "20", "--json").json["shuffled_names"]
    assert set(names["accuracy"]) == {"own", "others", "same"}
    assert names["lost"]["another class's name"]["mean"] > 0
    arms = ("--arms", "none", "--arms", "named = none => shots: 1 x learned | augmenter=runs/n")
    compared = run("compare", "bank.csv", *encoder, *arms, "--tasks", "20", *common, "--out", "runs/c", "--json").json
    assert compared["arms"]["named"]["test_augmenter"] == "runs/n"


def test_options_of_names_need_something_that_reads_them(folder, manyshot, monkeypatch):
    monkeypatch.chdir(folder)
    for options in (("--shuffled-names",), ("--about", "classes.csv")):
        answer = manyshot("evaluate", "bank.csv", "--encoder", "ngrams(128)", *options)
        assert answer.status == 2
        assert "without --augmenter" in answer.errors
