"""Ask a fitted classifier about one example."""

from dataclasses import dataclass
from html import escape

from torch import Tensor

from manyshot.app.fitting import Fitted
from manyshot.app.html import THUMBNAIL, figure, table
from manyshot.classify.examples.example_set import ExampleSet

NEAREST = 6
"""Number of nearest training examples that are shown."""


@dataclass(frozen=True)
class Answer:
    """What a classifier says of one example.

    Args:
        headline: The class and its probability, or that it is unlike every class; HTML.
        probabilities: By class.
        nearest: The nearest training examples; HTML.
    """

    headline: str
    probabilities: dict[str, float]
    nearest: str


def ask(fitted: Fitted, query: ExampleSet) -> Answer:
    """Classify one example.

    Args:
        fitted: The classifier.
        query: One example.

    Raises:
        InputError: If the example is of another kind or damaged.
    """
    model = fitted.model
    predictions = model.predict(query)
    probabilities = dict(zip(model.class_names, predictions.probabilities[0].tolist(), strict=True))
    best = model.class_names[int(predictions.best[0])]
    if predictions.unknown[0]:
        headline = (
            f'<p class="result"><strong>unknown</strong> <span class="quiet">This is unlike every class; the most '
            f"similar one is {escape(best)}.</span></p>"
        )
    else:
        headline = f'<p class="result"><strong>{escape(best)}</strong> with probability {probabilities[best]:.1%}</p>'
    return Answer(
        headline, probabilities, _nearest_html(fitted, model.reference.nearest(predictions.features, NEAREST))
    )


def _nearest_html(fitted: Fitted, found: tuple[Tensor, Tensor]) -> str:
    distances, places = found
    reference, names = fitted.model.reference, fitted.model.class_names
    rows = places[0].tolist()
    captions = [
        (names[int(reference.labels[row])], f"{distance:.2f}")
        for row, distance in zip(rows, distances[0].tolist(), strict=True)
    ]
    examples = fitted.examples
    if examples is None or examples.names != reference.names:
        cells = [[reference.names[row], *caption] for row, caption in zip(rows, captions, strict=True)]
        return table(["training example", "class", "distance"], cells)
    if examples.kind == "sentences":
        cells = [[text, *caption] for text, caption in zip(examples.texts(rows), captions, strict=True)]
        return table(["training example", "class", "distance"], cells)
    pixels = examples.pictures(rows, 2 * THUMBNAIL)
    figures = [
        figure(one, f"{label}, distance {distance}") for one, (label, distance) in zip(pixels, captions, strict=True)
    ]
    return f'<div class="variants">{"".join(figures)}</div>'
