"""The page of a comparison on sentences: accuracy of each arm, and sentences that its plan generates."""

from collections.abc import Sequence

from manyshot.augment import Plan
from manyshot.base import InputError
from manyshot.base.seeds import generator
from manyshot.compare import ComparisonResult
from manyshot.report.compare_page import columns_of, differences_of, metric_of, result_rows
from manyshot.report.page import Page, Paragraph, Section, Table, provenance
from manyshot.tasks import Source

SHOWN = 5
"""Number of sentences shown before and after augmentation."""


def sentences_page(title: str, compared: ComparisonResult, source: Source, command: str) -> Page:
    """A page of results, and of sentences (if they are) before and after augmentation by each plan.

    Args:
        title: Title of the page.
        compared: Results on one evaluation suite.
        source: The sentences, or examples of several parts.
        command: Command line that wrote the page.
    """
    (results,) = compared.results.values()
    (suite,) = compared.comparison.suites
    config = compared.comparison.config
    best = max(results, key=lambda name: results[name].mean)
    details = (
        f"{suite.tasks:,} tasks of {suite.ways} classes with {suite.shots} examples each, the same for all. "
        "Only the learner is fitted to each task; the encoder is not trained. Intervals are 95 % over tasks; "
        "those of differences are paired."
    )
    texts = source.gather([int(start) for start in source.starts[:-1][:SHOWN]]) if source.is_text else []
    augmented = [
        Section(f"Sentences augmented by '{arm.name}'", [Table(("sentence", "augmented"), rows)])
        for arm in compared.comparison.arms
        if (rows := changed(arm.test_plan, texts, config.fit.seed))
    ]
    arms = [
        (
            arm.name,
            arm.test_plan,
            " ".join(f"{name}={value}" for name, value in arm.settings),
            arm.test_learner or "",
            arm.test_augmenter or "",
        )
        for arm in compared.comparison.arms
    ]
    settings = {"data": config.data, "encoder": config.encoder, "learner": config.learner, "seed": config.fit.seed}
    return Page(
        title,
        f"'{best}' has the highest accuracy, {results[best].mean:.1%}.",
        [
            Section(
                metric_of(results).capitalize(),
                [Table(columns_of(results), result_rows(results)), *differences_of(results), Paragraph(details)],
            ),
            Section("The arms", [Table(("arm", "test plan", "other settings", "test learner", "augmenter"), arms)]),
            *augmented,
            provenance(command, settings),
        ],
    )


def changed(plan: str, texts: Sequence[str], seed: int) -> list[tuple[str, str]]:
    """Sentences before and after augmentation; none where a plan acts on their vectors or not at all.

    Example:
        >>> [before for before, _ in changed("shots: aeda", ["where can i buy tea"], 0)], changed("none", ["a"], 0)
        (['where can i buy tea'], [])
    """
    if not texts:
        return []
    try:
        op = Plan(plan).item_op()
        after = op.apply(list(texts), op.sample(len(texts), generator(seed, "page")))
    except InputError:
        return []
    return list(zip(texts, after, strict=True))
