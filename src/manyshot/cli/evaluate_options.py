"""The options of `manyshot evaluate`, and which of them exclude each other."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from manyshot.base import InputError
from manyshot.cli.ranges import number_or_range
from manyshot.cli.shared_options import SEED, Root, Size, Split, TableArguments, refuse

if TYPE_CHECKING:
    from manyshot.tasks import EpisodeSampler, Source
    from manyshot.training import Config


@dataclass(frozen=True)
class TaskArguments:
    """The tasks to evaluate on; what is None is as the run has it.

    Args:
        ways: Number of classes per task, or a range.
        shots: Number of support examples per class, or a range.
        queries: Number of query examples per class.
        tasks: Number of tasks.
        within_group: Probability that all classes of a task come from one group.
        natural_queries: Whether queries are as frequent as their classes.
    """

    ways: Annotated[str | None, typer.Option(help="Classes per task; the run's own number if not given.")] = None
    shots: Annotated[
        str | None, typer.Option(help="Labeled examples per class; the run's own number if not given.")
    ] = None
    queries: Annotated[int | None, typer.Option(help="Examples per class to be classified; 10 if not given.")] = None
    tasks: Annotated[int | None, typer.Option(help="Number of tasks; 600 if not given.")] = None
    within_group: Annotated[
        float | None,
        typer.Option(help="Probability that all classes of a task come from one group; 0 if not given."),
    ] = None

    natural_queries: Annotated[
        bool,
        typer.Option(
            "--natural-queries",
            help="Draw queries as frequent as their classes are in the data, not the same number of each.",
        ),
    ] = False

    @property
    def count(self) -> int:
        """Number of tasks."""
        return 600 if self.tasks is None else self.tasks

    def check(self) -> None:
        """Refuse no tasks.

        Raises:
            InputError: If there are none.
        """
        if self.count < 1:
            raise InputError(f"--tasks {self.tasks}: give at least 1")

    def like(self, source: "Source", config: "Config") -> "EpisodeSampler":
        """Such tasks of other data, drawn by seed 0.

        Args:
            source: Data to draw them from.
            config: Settings of the run that is evaluated.

        Raises:
            InputError: As `sampler`.
        """
        return self.sampler(source, config, 0)

    def sampler(self, source: "Source", config: "Config", seed: int) -> "EpisodeSampler":
        """The tasks.

        Args:
            source: Data to draw them from.
            config: Settings of the run that is evaluated.
            seed: Seed of the tasks.

        Raises:
            InputError: If the source is too small, or a number cannot be read.
        """
        from manyshot.tasks import EpisodeSampler

        return EpisodeSampler(
            source,
            config.ways if self.ways is None else number_or_range(self.ways, "--ways"),
            config.shots if self.shots is None else number_or_range(self.shots, "--shots"),
            10 if self.queries is None else self.queries,
            seed=seed,
            within_group=self.within_group or 0.0,
            disjoint_authors=config.disjoint_authors and source.authors is not None,
            natural=self.natural_queries,
        )


@dataclass(frozen=True)
class EvaluateArguments:
    """What to evaluate, on which data, and how.

    Args:
        run: Folder of a run; the data where an encoder is named.
        data: Name or path of the data; those that the run set aside if None.
        one_shot_runs: Tasks of their own instead of data.
        split: Part of the data.
        root: Folder of the data set's files.
        plan: Augmentation at use time; that of the run if None.
        augmenter: Folder of the run of the plan's augmenter.
        learner: How the weights are used; as they were trained if None.
        ensemble: Folders of further runs.
        encoder: A pre-trained encoder instead of a run.
        size: Side of the images in pixels, for such an encoder.
        shuffled_support: Evaluate with shuffled labels of the support too.
        about: Table of what is said of each class, for an augmenter that reads it.
        shuffled_names: Evaluate with other classes' names too.
        transductive: Normalize each query by the statistics of its task's queries.
        device: Where to compute.
        group_by: What the examples of a fitted model's test belong together by.
        seed: Seed of tasks and plan.
        report: HTML page to write.
        tasks_file: CSV to write.
    """

    run: Annotated[
        Path,
        typer.Argument(
            metavar="RUN", help="A folder that `manyshot train` or `manyshot fit` wrote; with --encoder DATA."
        ),
    ]
    data: Annotated[
        str | None,
        typer.Argument(metavar="[DATA]", help="A data set, a folder or zip of pictures, or a table of sentences."),
    ] = None
    one_shot_runs: Annotated[
        Path | None, typer.Option("--one-shot-runs", help="A zip or folder laid out like Omniglot's all_runs.zip.")
    ] = None
    split: Split = None
    root: Root = None
    plan: Annotated[
        str | None, typer.Option(help="Augmentation at use time; the run's own --test-plan if not given.")
    ] = None
    augmenter: Annotated[
        Path | None,
        typer.Option(
            help="What the word 'learned' of --plan stands for: the run of an augmenter, or of a generative model that "
            "is shown examples (dagan, cvae, afhn)."
        ),
    ] = None
    learner: Annotated[
        str | None, typer.Option(help='Use the weights with another learner, such as "prototypes(nearest)".')
    ] = None
    ensemble: Annotated[
        list[Path] | None,
        typer.Option(help="Another run of the same data to average predictions with; repeat for each."),
    ] = None
    encoder: Annotated[
        str | None,
        typer.Option(help="Evaluate a pre-trained encoder, such as efficientnet-lite0, without a run."),
    ] = None
    size: Size = None
    shuffled_support: Annotated[
        bool,
        typer.Option(
            "--shuffled-support",
            help="Evaluate with shuffled labels of the support too: a learner that memorized its tasks is as accurate.",
        ),
    ] = False
    about: Annotated[
        Path | None,
        typer.Option(
            "--about",
            help="A table with columns class and about: what is said of each class, for an augmenter that reads it; "
            "their names if not given.",
        ),
    ] = None
    shuffled_names: Annotated[
        bool,
        typer.Option(
            "--shuffled-names",
            help="Evaluate with each class named as another of its task too, and with one name for all: what is lost "
            "is what the names say.",
        ),
    ] = False
    transductive: Annotated[
        bool,
        typer.Option(
            "--transductive",
            help="Normalize each query by the statistics of all queries of its task, so that they are not independent.",
        ),
    ] = False
    device: Annotated[
        str | None, typer.Option(help="cpu or cuda; if not given, where the run was trained if that is available.")
    ] = None
    group_by: Annotated[
        str | None,
        typer.Option(
            "--group-by",
            help="What examples belong together by, for the intervals of a model that `manyshot fit` wrote: a column "
            "of the table, or a regular expression on the path.",
        ),
    ] = None
    seed: Annotated[int, SEED] = 0
    report: Annotated[
        Path | None, typer.Option("--report", help="Write an HTML page with calibration and every class.")
    ] = None
    tasks_file: Annotated[
        Path | None,
        typer.Option(
            "--tasks-file", help="Write the accuracy of each task to this CSV file; RUN/tasks.csv if not given."
        ),
    ] = None

    def check_model(self, tasks: TaskArguments) -> None:
        """Refuse options that have no effect on a fitted model.

        Args:
            tasks: The options of tasks.

        Raises:
            InputError: For the first such option, or if no examples are named.
        """
        if self.data is None:
            raise InputError(
                f"{self.run} holds a fitted model; name labeled examples: manyshot evaluate {self.run} test/"
            )
        refuse(
            "with a model that `manyshot fit` wrote, which is evaluated on labeled examples and not on tasks",
            one_shot_runs=self.one_shot_runs,
            root=self.root,
            plan=self.plan,
            augmenter=self.augmenter,
            learner=self.learner,
            ensemble=self.ensemble,
            encoder=self.encoder,
            size=self.size,
            shuffled_support=self.shuffled_support or None,
            about=self.about,
            shuffled_names=self.shuffled_names or None,
            transductive=self.transductive or None,
            seed=self.seed or None,
            tasks_file=self.tasks_file,
            **asdict(tasks) | {"natural_queries": tasks.natural_queries or None},
        )

    def check(self, tasks: TaskArguments, table: TableArguments) -> None:
        """Refuse options that exclude each other or would be ignored.

        Args:
            tasks: The options of tasks.
            table: The options of tables.

        Raises:
            InputError: For the first such option.
        """
        refuse("without a model that `manyshot fit` wrote", group_by=self.group_by)
        if self.augmenter is None:
            refuse("without --augmenter", about=self.about, shuffled_names=self.shuffled_names or None)
        if self.encoder is None:
            refuse("without --encoder, since a run has its own size", size=self.size)
        elif self.data is not None or self.one_shot_runs is not None:
            raise InputError(f"with --encoder there is no run: give DATA alone ({self.run} is taken as DATA)")
        else:
            refuse("with --encoder, which has no runs", ensemble=self.ensemble)
        if self.one_shot_runs is not None:
            if self.data is not None:
                raise InputError("give DATA or --one-shot-runs, not both")
            refuse(
                "with --one-shot-runs, which are the tasks",
                split=self.split,
                root=self.root,
                report=self.report,
                shuffled_support=self.shuffled_support or None,
                about=self.about,
                shuffled_names=self.shuffled_names or None,
                **asdict(tasks) | {"natural_queries": tasks.natural_queries or None},
                **asdict(table),
            )
        elif self.data is None and self.encoder is None:
            refuse("without DATA", split=self.split, root=self.root, **asdict(table))
        tasks.check()

    def describe(self, config: "Config", plan: object) -> dict[str, Any]:
        """What is evaluated, for JSON and the provenance on a page.

        Args:
            config: Settings of the run.
            plan: Plan at use time.
        """
        description: dict[str, Any] = {"run": str(self.run)} if self.encoder is None else {"encoder": self.encoder}
        if self.augmenter is not None:
            description["augmenter"] = str(self.augmenter)
        if self.ensemble:
            description["ensemble"] = [str(run) for run in self.ensemble]
        csv = self.csv
        return description | {
            "learner": self.learner or config.learner,
            "plan": str(plan),
            "seed": self.seed,
            "tasks_file": None if csv is None else str(csv),
        }

    @property
    def csv(self) -> Path | None:
        """File of each task's accuracy; None to write none."""
        from manyshot.training.task_csv import TASKS

        if self.tasks_file is None and self.encoder is None:
            return self.run / TASKS
        return self.tasks_file
