"""`manyshot train`: meta-train a learner, or an augmenter for it, and keep it as a run."""

from pathlib import Path
from typing import Annotated

import typer

from manyshot.base import InputError, check_out, did_you_mean, note, quieten
from manyshot.cli.option_groups import Keywords, expand_options
from manyshot.cli.output import command_line
from manyshot.cli.shared_options import Context, Json, Quiet, examples, refuse_given
from manyshot.cli.train_augmenter_stage import AUGMENTER_OPTIONS, STAGES, AugmenterOptions, train_augmenter_stage
from manyshot.cli.training_options import config_options, loop_options
from manyshot.cli.training_result import print_training

EXAMPLES = examples(
    "manyshot train omniglot --split small1 --plan handwriting --out runs/handwriting",
    'manyshot train photos/ --plan "support+query: flip affine(15)" --ways 5 --shots 1-5 --out runs/photos',
    'manyshot train mnist --learner "maml(steps=5)" --encoder "conv4(32, 32, 32, 32)" --out runs/maml',
    'manyshot train faq.csv --text-column question --label-column topic --encoder "minilm(project=256)" --out runs/faq',
    "torchrun --nproc-per-node 2 -m manyshot train mnist --meta-batch-size 8 --out runs/two-processes",
    "manyshot train omniglot --stage learner --split background --plan handwriting --out runs/letters",
    "manyshot train omniglot --stage augmenter --learner runs/letters --head ridge --ways 20 --out runs/augmenter",
    "",
    "A training that was stopped continues with the same command and --resume, and ends with the same weights.",
    "The run's folder gets config.json, the weights, metrics.jsonl, TensorBoard's files and report.html.",
)


@expand_options
def train(
    context: Context,
    config: Annotated[
        Keywords,
        config_options(
            defaults={"validation": None},
            info={
                "learner": typer.Option(
                    help='Such as "prototypes" or "maml(steps=5)"; at --stage augmenter and joint the folder of a run.'
                ),
                "plan": typer.Option(help="Augmentation of the training tasks; see `manyshot ops`."),
                "validation": typer.Option(
                    help="Fraction of the classes held out to choose the best weights; 0 for none. If not given: 0.2, "
                    "or none where there are too few classes."
                ),
            },
        ),
    ],
    fit: Annotated[Keywords, loop_options()],
    augmenter: AugmenterOptions,
    stage: Annotated[
        str | None,
        typer.Option(
            help="learner (sets classes aside for an augmenter), augmenter (learns from those, for the run that "
            "--learner names), or joint (trains both of an augmenter's run further). If not given, a learner is "
            "trained and nothing set aside for an augmenter."
        ),
    ] = None,
    for_augmenter: Annotated[
        float | None,
        typer.Option(help="Fraction of the classes set aside for an augmenter; 0.25 at --stage learner if not given."),
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Folder of the run.")] = Path("runs/run"),
    resume: Annotated[bool, typer.Option("--resume", help="Continue from the last checkpoint in --out.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Meta-train a learner on tasks drawn from a data set, or an augmenter for a learner."""
    from manyshot.report.page import write_page
    from manyshot.report.run_page import run_page
    from manyshot.runtime.distributed import joined_processes
    from manyshot.training import Config, Settings, drop_validation_if_small
    from manyshot.training import train as train_run
    from manyshot.training.splits import describe_authors, load_sources

    quieten(quiet)
    if stage is not None and stage not in STAGES:
        raise InputError(f"--stage {stage}: {did_you_mean(stage, STAGES)}")
    if stage in ("augmenter", "joint"):
        train_augmenter_stage(context, stage, augmenter, config, fit, out, resume, as_json)
        return
    refuse_given(context, AUGMENTER_OPTIONS, "without --stage augmenter")
    if for_augmenter is None:
        for_augmenter = 0.25 if stage == "learner" else 0.0
    automatic = config["validation"] is None
    with joined_processes() as processes:
        wanted = Config(
            **config | {"validation": 0.2 if automatic else config["validation"]},
            augmenter=for_augmenter,
            fit=Settings(**fit),
        )
        check_out(out)
        used = wanted
        if automatic:
            with processes.main_first():
                used = drop_validation_if_small(wanted)
            if used != wanted:
                note(f"{wanted.data} has too few classes to hold some out: the last weights are kept (--validation 0)")
        run = train_run(used, out, resume, title=f"train {out.name}", processes=processes)
    if processes.is_main:
        if used.group_by and (people := describe_authors(load_sources(used))):
            note(people)
        write_page(out / "report.html", run_page(run, command_line()))
        print_training(out, run.rows, as_json, next_command=("evaluate", str(out), "DATA"))
