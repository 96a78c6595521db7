"""The page of a comparison on sentences: what each arm reached, and what its plan makes of a sentence."""

from collections.abc import Sequence

from manyshot.augment import Plan
from manyshot.base import InputError
from manyshot.base.seeds import generator
from manyshot.compare import ComparisonResult
from manyshot.report.compare_page import COLUMNS, differences_of, result_rows
from manyshot.report.page import Page, Paragraph, Section, Table, provenance
from manyshot.tasks import Source

SHOWN = 5
"""Sentences that the page shows what plans make of."""


def sentences_page(title: str, compared: ComparisonResult, source: Source, command: str) -> Page:
    """Results, and sentences as they were and as each plan changes them.

    Args:
        title: stands at the top.
        compared: of one judging.
        source: the sentences.
        command: the command line that made it.
    """
    (results,) = compared.results.values()
    (judging,) = compared.comparison.judgings
    config = compared.comparison.config
    best = max(results, key=lambda name: results[name].mean)
    told = (
        f"{judging.tasks:,} tasks of {judging.ways} classes with {judging.shots} sentences each, the same for all. "
        "Nothing is trained but what a learner fits to a task. Intervals are 95 % over tasks; those of differences are "
        "paired."
    )
    texts = source.gather([int(start) for start in source.starts[:-1][:SHOWN]])
    made = [
        Section(f"What '{arm.name}' makes", [Table(("sentence", "made of it"), rows)])
        for arm in compared.comparison.arms
        if (rows := changed(arm.test_plan, texts, config.fit.seed))
    ]
    arms = [
        (arm.name, arm.test_plan, " ".join(f"{name}={value}" for name, value in arm.settings), arm.test_learner or "")
        for arm in compared.comparison.arms
    ]
    settings = {"data": config.data, "encoder": config.encoder, "learner": config.learner, "seed": config.fit.seed}
    return Page(
        title,
        f"'{best}' does best with {results[best].mean:.1%}.",
        [
            Section("Accuracy", [Table(COLUMNS, result_rows(results)), *differences_of(results), Paragraph(told)]),
            Section("The arms", [Table(("arm", "plan", "sets", "used by"), arms)]),
            *made,
            provenance(command, settings),
        ],
    )


def changed(plan: str, texts: Sequence[str], seed: int) -> list[tuple[str, str]]:
    """Sentences beside what a plan makes of them; none where it acts on their vectors or not at all.

    Example:
        >>> [before for before, _ in changed("shots: aeda", ["where can i buy tea"], 0)], changed("none", ["a"], 0)
        (['where can i buy tea'], [])
    """
    try:
        op = Plan(plan).item_op()
        after = op.apply(list(texts), op.sample(len(texts), generator(seed, "page")))
    except InputError:
        return []
    return list(zip(texts, after, strict=True))
