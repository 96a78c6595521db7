"""How `manyshot evaluate` tells what it found."""

from typing import TYPE_CHECKING, Any

from manyshot.cli.options import print_json, print_table

if TYPE_CHECKING:
    from manyshot.tasks import Source
    from manyshot.training import Evaluation
    from manyshot.training.support_shuffle import MemorisationProbe

TRANSDUCTIVE = "transductive: each query was judged by the statistics of all queries of its task"


def tell(
    found: "Evaluation", probed: "MemorisationProbe | None", source: "Source", told: dict[str, Any], as_json: bool
) -> None:
    """Print the hardest classes, accuracy and calibration.

    Args:
        found: the judging.
        probed: the same with shuffled labels of the support, if wanted.
        source: what was judged on.
        told: what was judged, for JSON.
        as_json: print JSON.
    """
    if as_json:
        answer = found.as_dict(source.class_names)
        answer |= {} if probed is None else {"shuffled_support": probed.as_dict()}
        print_json(told | answer)
        return
    low, high = found.interval
    worst = sorted((accuracy, source.class_names[c]) for c, accuracy in found.per_class.items())[:10]
    print_table(("hardest classes", "accuracy"), [(name, f"{accuracy:.1%}") for accuracy, name in worst], right=(1,))
    kind, tasks = "transductive " if found.transductive else "", len(found.accuracy)
    print(f"{kind}accuracy {found.mean:.2%} [{low:.2%}, {high:.2%}] over {tasks:,} tasks of {source.name}")
    if probed is not None:
        low, high = probed.interval
        print(
            f"with shuffled labels of the support {probed.shuffled.mean():.2%}: "
            f"they are worth {probed.gap:+.2%} [{low:+.2%}, {high:+.2%}]"
        )
    print(f"calibration error {found.calibration_error:.1%} (mean gap between how sure and how right)")
