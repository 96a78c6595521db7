"""`manyshot evaluate MODEL FOLDER`: how good a fitted classifier is on labeled examples of one's own."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from manyshot.cli.output import command_line, print_json, print_table, say
from manyshot.cli.resumable import resumable

if TYPE_CHECKING:
    from manyshot.classify.evaluate.evaluate_model import ModelEvaluation
    from manyshot.cli.evaluate_options import EvaluateArguments
    from manyshot.cli.shared_options import TableArguments

PLAIN = ("area under the ROC curve", "average precision", "Brier score")
"""What is no percentage."""
MOST = 10
"""Number of classes and of mistakes that are printed; JSON and the page have more."""


def evaluate_fitted(options: "EvaluateArguments", table: "TableArguments", as_json: bool) -> None:
    """Evaluate a fitted model on labeled examples, and print or write what was found.

    Args:
        options: Options of the command, which have been checked.
        table: How a table is read.
        as_json: Print JSON.

    Raises:
        InputError: If the examples cannot be read, or a class is none of the model's.
    """
    from manyshot.classify import ExampleSet, PartedExamples
    from manyshot.classify.evaluate.evaluate_model import evaluate_model
    from manyshot.classify.examples.read_examples import load_examples
    from manyshot.classify.model.save_load_model import load_any_model
    from manyshot.classify.multipart.parted_examples import load_parted
    from manyshot.classify.multipart.parts_model import PartsModel
    from manyshot.datasets.table_records import is_records

    model, data = load_any_model(options.run), Path(options.data or "").expanduser()
    reading: dict[str, Any] = {
        "columns": table.columns(),
        "split": options.split,
        "group_by": options.group_by,
        "class_names": model.class_names,
    }
    found: ExampleSet | PartedExamples
    if isinstance(model, PartsModel):
        found = load_parted(data, kinds=model.columns if is_records(data) else None, **reading)
    else:
        found = load_examples(data, window=model.window, **reading)
    with resumable("run the same command again: examples that were encoded are in the cache"):
        result = evaluate_model(model, found, options.device or "cpu", title="evaluate")
    if options.report is not None:
        from manyshot.report.classifier_page import evaluation_page
        from manyshot.report.page import write_page

        write_page(options.report, evaluation_page(result, found, command_line()))
    if as_json:
        print_json({"model": str(options.run), "data": options.data} | result.as_dict())
        return
    _print(result)


def _print(result: "ModelEvaluation") -> None:
    metrics, over = result.metrics, "groups" if result.metrics.groups is not None else "examples"
    recalls = sorted(
        (recall.value, name, int(metrics.confusion[c].sum()))
        for c, (name, recall) in enumerate(zip(result.class_names, metrics.recall, strict=True))
        if recall is not None
    )
    rows = [(name, f"{value:.1%}", f"{examples:,}") for value, name, examples in recalls[:MOST]]
    print_table(("hardest classes", "recognized", "examples"), rows, right=(1, 2))
    measures = {
        "accuracy": metrics.accuracy,
        "balanced accuracy": metrics.balanced_accuracy,
        "area under the ROC curve": metrics.auroc,
        "average precision": metrics.average_precision,
        "expected calibration error": metrics.calibration_error,
        "Brier score": metrics.brier,
    }
    for name, one in measures.items():
        if one is not None:
            shown = ".3f" if name in PLAIN else ".1%"
            say(f"{name} {one.value:{shown}} [{one.low:{shown}}, {one.high:{shown}}]")
    for level, sensitivity in metrics.sensitivity.items():
        one = sensitivity.mean
        say(
            f"sensitivity {one.value:.1%} [{one.low:.1%}, {one.high:.1%}] at thresholds for a specificity of "
            f"{level:.0%} from held-out examples of the fit (here {sensitivity.specificity:.1%})"
        )
    say(f"95 % intervals over {metrics.groups or metrics.examples:,} {over}")
    say(f"{result.unknown.mean():.1%} of the examples are called unlike every class; they count by their best class")
    mistakes = result.mistakes()
    for row in mistakes[:MOST]:
        answer = int(result.probabilities[row].argmax())
        probability = result.probabilities[row, answer]
        say(
            f"mistake: {result.names[row]} is {result.class_names[result.labels[row]]}, "
            f"predicted {result.class_names[answer]} ({probability:.0%})"
        )
    if len(mistakes) > MOST:
        say(f"and {len(mistakes) - MOST:,} more mistakes (--report shows the worst as pictures)")
