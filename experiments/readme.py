"""Write the README's results from the files in results/.

python experiments/readme.py
"""

import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DRAWN = {"manyshot": "16 drawn at once", "manyshot, T=64": "64 at once", "manyshot, T=1": "one by one"}
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"


def section() -> str:
    """The text between the README's marks."""
    demo, omniglot, challenge, few, families, generators, sampling, augment, learners = (
        json.loads((ROOT / "results" / f"{name}.json").read_text(encoding="utf-8"))
        for name in (
            "demo",
            "omniglot_small1",
            "omniglot_challenge",
            "few_tasks",
            "task_families",
            "dagan_omniglot",
            "sampling",
            "augment",
            "learners",
        )
    )
    return "\n\n".join(
        (
            _demo(demo),
            _omniglot(omniglot, challenge["long"]["final"]),
            _few_tasks(few),
            _families(families),
            _generators(generators),
            _speed(sampling, augment, learners),
        )
    )


def _demo(found: dict) -> str:
    rows = ["| 10 digits | without | with | difference, points [95 %] |", "| --- | --- | --- | --- |"]
    for name, words in (("one_shot", "1 example each"), ("five_shot", "5 examples each")):
        one = found[name]
        low, high = one["interval"]
        rows.append(
            f"| {words} | {one['without']:.1%} | {one['with']:.1%} | {100 * one['difference']:+.1f} "
            f"[{100 * low:+.1f}, {100 * high:+.1f}] |"
        )
    return (
        "**From printed letters to handwritten digits** (`make demo`; accuracy on 600 tasks of real scans, 3 training "
        f"seeds, {found['seconds']:.0f} seconds on two cores):\n\n" + "\n".join(rows) + "\n\n"
        "The plan was chosen among a dozen on one half of these scans, and the choice was confirmed on MNIST's digits."
        + (_stage_two(found["stage_two"]) if "stage_two" in found else "")
    )


def _stage_two(found: dict) -> str:
    rows = ["| one example each, the learner trained with augmentation | accuracy | difference, points [95 %] |"]
    rows += ["| --- | --- | --- |"]
    for name, one in found.items():
        if not isinstance(one, dict):
            continue
        gap = one["against_first"]
        low, high = (0.0, 0.0) if gap is None else gap["interval"]
        told = "" if gap is None else f"{100 * gap['difference']:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"
        rows.append(f"| {name} | {one['accuracy']:.1%} | {told} |")
    return (
        f"\n\nThen an augmenter (`{found['augmenter']}`) learns, on letters that the learner had not seen, how to "
        f"distort the examples of a task, and makes further ones of the digits ({found['tasks']} of the tasks):\n\n"
        + "\n".join(rows)
    )


def _omniglot(found: dict, challenge: dict) -> str:
    arms = found["arms"]
    rows = ["| error | trained without | trained with `handwriting` |", "| --- | --- | --- |"]
    for how in arms["with"]["judged"]:
        cells = []
        for arm in ("without", "with"):
            one = arms[arm]["judged"][how]
            low, high = one["interval"]
            cells.append(f"{one['error']:.2%} [{low:.1%}, {high:.1%}]")
        rows.append(f"| {how} | {cells[0]} | {cells[1]} |")
    best, first = arms["with"], arms["without"]
    judge = best["judged"]["nearest of many variants"]["command"]
    net, both = (challenge["rungs"][name] for name in ("+ composites", "deformation matching and composites"))
    return (
        "**Omniglot, minimal set**: trained on the five alphabets of `small1` alone, judged on 20 one-shot runs "
        "(20-way within an alphabet, 400 trials) made from other background alphabets; intervals over runs, one "
        "training seed. "
        f"Augmentation in training and at use brings the error to {found['ratio']:.2f} of the plain learner's. "
        "The use-time plan did best on three other alphabets, but two plans of fewer variants had been "
        "looked at on these runs before "
        "(12.25% and 12.75%), so take the last figure as slightly kind.\n\n"
        + "\n".join(rows)
        + f"\n\nWith {challenge['steps']:,} steps, composites of letters as new ones and {len(net['by_seed'])} seeds "
        f"the error is {net['error']:.2%}, averaged with deformation matching {both['error']:.2%} "
        "([all parts](docs/results.md#omniglot-challenge)). Published, from memory of arXiv 1902.03477: people 4.5%, a "
        "stroke model (BPL) 4.2% from these five alphabets; we are far from both."
        + f"\n\n```console\n$ {first['train']}\n$ {first['judged']['prototypes']['command']}\n"
        f"$ {best['train']}\n$ {judge}\n```"
    )


def _few_tasks(found: dict) -> str:
    told = []
    for title, one in found["comparisons"].items():
        arms = one["judged"]["20 ways"]["arms"]
        without, turned = arms["without"], arms["turned classes"]
        low, high = turned["against_first"]["interval"]
        told.append(
            f"{title} {without['accuracy']:.1%} to {turned['accuracy']:.1%} "
            f"({100 * turned['against_first']['difference']:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}])"
        )
    return (
        "**Few training classes** (Omniglot, 20 ways, 1 shot, alphabets set aside, 3 seeds): what turned and mirrored "
        f"classes as new ones change, in points [95 %]: {'; '.join(told)}. [The curve, and other methods]"
        "(docs/results.md#few-tasks)."
    )


def _families(found: dict) -> str:
    by_arm, minus = found["accuracy"], found["policy_minus"]
    ours, best, stranger = "policy by the support", found["best_without_context"], "policy by another family's support"
    return (
        "**A policy that looks at the task** (families of tasks in which turns, or colours, keep the class in one and "
        f"decide it in another; {found['seeds']} seeds): right in {by_arm[ours]['mixture']:.1%}; the best of all fixed "
        f"plans and of one learned policy for all tasks ({best}) in {by_arm[best]['mixture']:.1%}, "
        f"{_points(minus[best])} points; shown the support of another family's task, in "
        f"{by_arm[stranger]['mixture']:.1%}, {_points(minus[stranger])} ([table]"
        "(docs/results.md#families-that-ask-for-different-augmentation))."
    )


def _generators(found: dict) -> str:
    told = []
    for shots, one in found["shots"].items():
        right = one["accuracy"]
        arms = " / ".join(f"{right[arm]:.1%}" for arm in ("nothing", "dagan", "given", "dagan and given"))
        gain = _points(one["difference"]["given"]["dagan and given"])
        told.append(f"{shots} drawing{'s' if shots != '1' else ''} {arms} ({gain})")
    return (
        f"**Generated drawings of characters never seen** ({found['classes']} unseen Omniglot characters, "
        f"{found['seeds']} seeds; classifiers trained with nothing / DAGAN's drawings / given augmentation / both, and "
        f"what both gain over given augmentation, in points [95 %]): {'; '.join(told)} "
        "([table](docs/results.md#dagan-on-characters-never-seen))."
    )


def _points(gap: dict) -> str:
    low, high = (f"{100 * end:+.1f}" for end in gap["interval"])
    return f"{100 * gap['difference']:+.1f} [{low}, {high}]"


def _speed(sampling: dict, augment: dict, learners: dict) -> str:
    ours = {row["sampler"]: row["episodes_a_second"] for row in sampling["rows"] if row.get("episodes_a_second")}
    rates = ", ".join(f"{ours[name]:,.0f} ({words})" for name, words in DRAWN.items())
    rows = ["| pipeline, fastest peer's time / ours | 28x28x1 | 32x32x3 | 84x84x3 | 224x224x3 |", "| --- " * 5 + "|"]
    for pipeline, ratios in augment["ratios"].items():
        rows.append(f"| {pipeline} | " + " | ".join(f"{ratio:.1f}" for ratio in ratios.values()) + " |")
    return (
        f"**Speed**, one core, process CPU time: {rates} tasks a second of 5 ways, 1 shot, 15 queries of 28x28; "
        "one at a time, a plain index look-up is faster ([benchmarks](benchmarks/README.md)). The compiled engine "
        "beside Albumentations 2.0.8 and kornia 0.9:\n\n" + "\n".join(rows) + f"\n\n{_maml(learners)}"
    )


def _maml(learners: dict) -> str:
    least = {case: min(ratios.values()) for case, ratios in learners["ratios"].items()}
    told = ", ".join(f"{ratio:.2f} ({case.replace(' steps', ' inner')})" for case, ratio in least.items())
    memory = [
        case["rows"]["manyshot"]["memory_mib"] / case["rows"]["learn2learn"]["memory_mib"] for case in learners["cases"]
    ]
    return (
        f"A second-order MAML step, {learners['machine']['threads']} threads, the fastest other row's time / ours, of "
        f"learn2learn, higher and plain loops: {told}; memory {min(memory):.1f} to {max(memory):.1f} times "
        "learn2learn's ([table](docs/results.md#second-order-maml))."
    )


def main() -> None:
    """Replace what stands between the marks."""
    readme = ROOT / "README.md"
    before, _, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    readme.write_text(f"{before}{BEGIN}\n\n{section()}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
