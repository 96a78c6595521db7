"""`manyshot fit`: from a few examples of each class to a classifier."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from manyshot.base import check_out, check_replaceable, note, quieten
from manyshot.cli.fit_table_of_parts import fit_table_of_parts
from manyshot.cli.option_groups import Keywords, expand_options
from manyshot.cli.output import command_line, print_json
from manyshot.cli.print_fit import fit_json, print_fit
from manyshot.cli.resumable import resumable
from manyshot.cli.shared_options import SEED, Json, Quiet, Split, TableArguments, examples

EXAMPLES = examples(
    "manyshot fit photos --out model",
    "manyshot fit scans.zip --out model --group-by patient --report fit.html",
    "manyshot fit faq.csv --text-column question --label-column topic --out model --budget 60",
    "manyshot fit photos --out model --about classes.csv",
    "manyshot fit products.csv --parts 'photo=picture text=text price=number' --out model",
    'manyshot fit photos --out model --encoder efficientnet-lite2 --head ridge --plan "flip affine(15)" --json',
    "",
    "photos/ holds a folder of pictures per class. Then: manyshot predict model new/ --out answers.csv",
)


@dataclass(frozen=True)
class FitArguments:
    """The examples, what may be chosen, and what is written.

    Args:
        data: Path of the examples.
        out: Folder to write.
        encoder: Frozen encoder; chosen if "auto".
        head: Head on its features; chosen if "auto".
        plan: Augmentation of the examples; chosen if "auto".
        mirror: Whether mirrored pictures may be tried.
        balance: Whether all classes weigh the same.
        names: Whether names of classes are used.
        about: Table of what is said of the classes.
        budget: Seconds that encoding may take, and that comparing candidates may.
        seed: Seed of splits and augmentation.
        split: Part of the examples.
        group_by: What examples belong together by.
        metric: What candidates are compared by.
        window: Which gray values become black and white.
        report: HTML page to write.
        overwrite: Whether a model in `out` may be replaced.
    """

    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA",
            help="A folder or zip with a folder of pictures or scans per class; or a table of sentences and paths.",
        ),
    ]
    out: Annotated[Path, typer.Option("--out", help="The folder to write the model to.")]
    encoder: Annotated[
        str, typer.Option("--encoder", help="A frozen encoder, such as efficientnet-lite0; chosen for you if auto.")
    ] = "auto"
    head: Annotated[
        str, typer.Option("--head", help="A head: centroid, ridge, logistic, lda, nearest; chosen for you if auto.")
    ] = "auto"
    plan: Annotated[
        str,
        typer.Option(
            "--plan",
            help='Augmentation: none, learned, a preset such as xray, or ops such as "flip affine(15)"; chosen for you '
            "if auto.",
        ),
    ] = "auto"
    mirror: Annotated[
        bool,
        typer.Option(
            "--mirror/--no-mirror",
            help="Try mirrored pictures, too; not where left and right mean something, as on X-rays or in writing.",
        ),
    ] = True
    balance: Annotated[
        bool,
        typer.Option("--balance", help="Let all classes weigh the same, so that a rare one is found more often."),
    ] = False
    names: Annotated[
        str,
        typer.Option(
            "--names",
            help="Use names of classes beside the examples: auto where they agree with them, none, or always.",
        ),
    ] = "auto"
    about: Annotated[
        Path | None, typer.Option("--about", help="A table with a text about each class, in place of its name.")
    ] = None
    budget: Annotated[
        float, typer.Option("--budget", min=0, help="Seconds that encoding may take, and that comparing may.")
    ] = 180.0
    seed: Annotated[int, SEED] = 0
    split: Split = None
    group_by: Annotated[
        str | None,
        typer.Option("--group-by", help="What examples belong together by, such as the patient; see the docs."),
    ] = None
    metric: Annotated[
        str,
        typer.Option(
            "--metric",
            help="What candidates are compared by: accuracy; or balanced-accuracy or auroc, where classes are unequal.",
        ),
    ] = "accuracy"
    window: Annotated[
        str | None,
        typer.Option(
            "--window",
            help='Which gray values are black and white: "percentile(0.5, 99.5)", minmax, "width(400, 40)", lung ...',
        ),
    ] = None
    report: Annotated[Path | None, typer.Option("--report", help="Write an HTML page of the fit.")] = None
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the model in --out.")] = False

    def settings(self, class_names: Sequence[str]) -> Keywords:
        """What `fit_model` and `fit_parts` are both given.

        Args:
            class_names: Classes of the examples.

        Raises:
            InputError: If a name cannot be printed, or what is said of the classes cannot be read.
        """
        from manyshot.classify.model.printable_names import check_class_names
        from manyshot.training.class_texts import read_descriptions

        where = str(self.data.expanduser())
        check_class_names(class_names, where)
        about = None if self.about is None else read_descriptions(self.about, class_names, where)
        return {
            "encoder": self.encoder,
            "head": self.head,
            "plan": self.plan,
            "names": self.names,
            "about": about,
            "seed": self.seed,
            "progress": note,
        }


@expand_options
def fit(options: FitArguments, table: TableArguments, as_json: Json = False, quiet: Quiet = False) -> None:
    """Fit a classifier to a few examples: choose encoder, head and augmentation, and say how accurate it is."""
    from manyshot.classify import fit_model, load_examples, save_model
    from manyshot.classify.model.save_load_model import check_model_target
    from manyshot.datasets.list_multipart import holds_parts

    quieten(quiet)
    out = options.out.expanduser()
    check_out(out)
    check_model_target(out, options.overwrite)
    if options.report is not None:
        check_out(options.report, beside=True, option="--report")
        check_replaceable(options.report, option="--report")
    data = options.data.expanduser()
    if holds_parts(data, table.columns()):
        fit_table_of_parts(options, table, as_json)
        return
    with resumable("run the same command again: examples that were encoded are in the cache"):
        found = load_examples(
            data, columns=table.columns(), split=options.split, group_by=options.group_by, window=options.window
        )
        settings = options.settings(found.class_names)
        chosen_by: Keywords = {"metric": options.metric, "budget": options.budget, "mirror": options.mirror}
        model, report = fit_model(found, balance=options.balance, **chosen_by, **settings)
        # Where the examples are, so that `export` can check its file on them; and how others are to be read.
        source = {"data": str(options.data), "window": options.window}
        save_model(model.with_report({**model.report, **source}), out, options.overwrite)
    if options.report is not None:
        with resumable(f"the model is in {out}; for the page, run the same command again with --overwrite"):
            from manyshot.report.classifier_page import fit_page  # it imports matplotlib
            from manyshot.report.page import write_page

            write_page(options.report, fit_page(report, found, command_line()))
    if as_json:
        print_json(fit_json(report, out, options.report))
        return
    print_fit(report, out)
