"""The options that make a run's settings, shared by `train` and `compare`."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from manyshot.cli.options import Context
from manyshot.cli.ranges import number_or_range

if TYPE_CHECKING:
    from manyshot.training import Config, Settings

Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="A data set (see `manyshot data list`), a folder or zip of pictures, or a table (.csv, .tsv, .jsonl) or "
        "folder (class/*.txt) of sentences.",
    ),
]
Centered = Annotated[
    bool, typer.Option("--centered", help="Move each drawing to the middle and bring it to one size, here and at use.")
]
Learner = Annotated[str, typer.Option(help='Such as "prototypes" or "maml(steps=5)".')]
Objective = Annotated[str, typer.Option(help='What training minimises, such as "plain" or "maxup(4)".')]
Encoder = Annotated[
    str, typer.Option(help='Such as "conv4" or "conv4(64, 64, 128, 128)"; "minilm" or "ngrams" for sentences.')
]
Ways = Annotated[str, typer.Option(help="Classes a training task: a number, or a range such as 5-20.")]
Shots = Annotated[str, typer.Option(help="Labelled examples a class: a number, or a range such as 1-5.")]
Queries = Annotated[int, typer.Option(help="Items a class to be classified in a training task.")]
WithinGroup = Annotated[
    float,
    typer.Option(help="Share of the training tasks whose classes come from one group, such as an alphabet (0 to 1)."),
]
Classes = Annotated[
    int | None,
    typer.Option(help="Train on so many classes alone, drawn by the seed (20 hold the 10 of the same seed)."),
]
Steps = Annotated[int, typer.Option(help="Updates of the weights.")]
MetaBatchSize = Annotated[int, typer.Option(help="Tasks a step.")]
LearningRate = Annotated[float, typer.Option(help="Learning rate at its highest.")]
Optimizer = Annotated[str, typer.Option(help="adamw or sgd.")]
Schedule = Annotated[
    str, typer.Option(help="How the learning rate falls: cosine, constant, or step (by half, four times).")
]
WeightDecay = Annotated[float, typer.Option(help="Decay of the weights.")]
GradClip = Annotated[float, typer.Option(help="Largest norm of the gradient.")]
Validation = Annotated[
    float, typer.Option(help="Share of the classes held out to choose the best weights by; 0 for none.")
]
SplitBy = Annotated[str, typer.Option(help="What is held out: class, group, or item (of every class).")]
EvalEvery = Annotated[int, typer.Option(help="Steps between two looks at the held-out classes.")]
SaveEvery = Annotated[int, typer.Option(help="Steps between two checkpoints.")]
Device = Annotated[str, typer.Option(help="cpu or cuda.")]

OF_STEPS = (
    *("steps", "meta_batch_size", "learning_rate", "optimizer", "schedule", "weight_decay", "grad_clip"),
    *("eval_every", "save_every", "seed", "device"),
)
"""The options that are settings of the same name of a training's steps."""
OF_RUN = (
    *("data", "split", "size", "centered", "text_column", "label_column", "encoding"),
    *("learner", "objective", "encoder", "queries", "within_group", "classes", "plan", "test_plan"),
    *("validation", "test", "split_by"),
)
"""The options that are settings of the same name of a run."""


def steps_of(context: Context) -> "Settings":
    """What a command's options say of a training's steps; what it has no option for is as `Settings` has it.

    Raises:
        InputError: if a value is out of range.
    """
    from manyshot.training import Settings

    return Settings(**{name: context.params[name] for name in OF_STEPS if name in context.params})


def config_of(context: Context, **others: Any) -> "Config":  # noqa: ANN401 - settings of any kind
    """What a command's options say of a run; what it has no option for is as `Config` has it.

    Args:
        context: of the command.
        **others: settings that are not as the options have them.

    Raises:
        InputError: if a value is out of range, or a name unknown.
    """
    from manyshot.training import Config

    said = {name: context.params[name] for name in OF_RUN if name in context.params}
    root = context.params["root"]
    sizes = {name: number_or_range(context.params[name], f"--{name}") for name in ("ways", "shots")}
    return Config(**said | sizes | {"root": None if root is None else str(root), "fit": steps_of(context)} | others)
