def test_the_worlds_are_listed_and_one_is_explained(manyshot):
    answer = manyshot("rl", "worlds")
    assert answer.status == 0
    assert "leap" in answer.out
    assert "point" in answer.out
    assert "gym(env=...): An environment of Gymnasium as a world" in answer.out
    one = manyshot("rl", "worlds", "point(sees_goal=yes)")
    assert "observations: vectors of 4" in one.out
    assert "'trial:': turn, mirror, controls" in one.out
    described = manyshot("rl", "worlds", "leap", "--json").json
    assert described["leap"]["contexts"] == {"floor": [2.0, 18.0], "obstacle": [8.0, 22.0]}
    assert described["leap"]["standard_family"] == 117


def test_an_unknown_world_is_one_line_of_error(manyshot):
    answer = manyshot("rl", "worlds", "lep")
    assert answer.status == 2
    assert answer.errors == "Error: world: 'lep' (character 1): unknown world; did you mean 'leap'?\n"


def test_a_diagnosis_names_ops_symmetries_and_what_is_wrong(manyshot):
    answer = manyshot("rl", "diagnose", "rooms", "--view", "turn", "--view", "brightness")
    assert answer.status == 0, answer.errors
    assert "changes the right action" in answer.out
    assert "trial: mirror holds" in answer.out
    told = manyshot("rl", "diagnose", "point", "--json").json
    assert [one["op"] for one in told["views"]] == ["amplitude(0.2)", "noise(0.05)"]
    assert set(told["symmetries"]) == {"turn", "mirror", "controls"}
    wrong = manyshot("rl", "diagnose", "point", "--view", "crop")
    assert wrong.status == 2
    assert wrong.errors.count("\n") == 1
