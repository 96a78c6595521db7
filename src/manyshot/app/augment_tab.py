"""The tab "Augment": what ops do to the examples on the page, and the plan that names them."""

from pathlib import Path
from typing import Any

import gradio as gr

from manyshot.app.augmenting import OFFERED, plan_text, preview_pictures, preview_sentences
from manyshot.app.collection import Collection
from manyshot.app.readable_errors import readable
from manyshot.app.shared_controls import PICTURES, Shared, gather
from manyshot.classify.examples.example_set import ExampleSet
from manyshot.classify.examples.read_examples import examples_from_arrays

NOTHING_TO_SHOW = '<p class="quiet">Add examples of two classes on the tab Fit, or drop a picture here.</p>'


def plan_box() -> gr.Textbox:
    """The text of the plan; the tab places it."""
    return gr.Textbox(
        "none",
        label="Plan",
        info="For `manyshot fit --plan`, or behind `support:` or `shots: 8 x` in other commands.",
        interactive=False,
        buttons=["copy"],
        render=False,
        elem_id="plan",
    )


def augment_tab(shared: Shared, tab: gr.Tab) -> None:
    """Lay out the tab.

    Args:
        shared: What tabs share.
        tab: The tab; when it is chosen, it shows the examples that there are now.
    """
    with gr.Row():
        with gr.Column(scale=2):
            chosen = gr.CheckboxGroup(_names(PICTURES), label="Ops", elem_id="ops")
            sliders = [
                gr.Slider(op.low, op.high, op.start, step=op.step, label=f"{op.name}: {op.label}", visible=False)
                for op in OFFERED
            ]
            again = gr.Button("Other variants", elem_id="again")
        with gr.Column(scale=3):
            shared.plan.render()  # type: ignore[no-untyped-call]
            preview = gr.HTML(NOTHING_TO_SHOW, elem_id="preview", elem_classes="prose")
            own = gr.Image(label="Another picture", type="filepath", sources=["upload"], height=160, elem_id="own")
    seed = gr.State(0)

    @readable
    def show(
        kind: str,
        collection: Collection,
        rows: list[list[str]],
        own: str | None,
        seed: int,
        chosen: list[str],
        *values: float,
    ) -> tuple[str, str]:
        """The plan that the chosen ops make, and what it does to some examples."""
        plan = plan_text({op.name: value for op, value in zip(OFFERED, values, strict=True) if op.name in chosen})
        examples = _examples(kind, collection, rows, own)
        if examples is None:
            return plan, NOTHING_TO_SHOW
        return plan, (preview_pictures if kind == PICTURES else preview_sentences)(examples, plan, seed)

    def show_sliders(chosen: list[str]) -> list[Any]:
        """Show the strengths of the chosen ops alone."""
        return [gr.update(visible=op.name in chosen) for op in OFFERED]

    inputs = [shared.kind, shared.collection, shared.sentences, own, seed, chosen, *sliders]
    chosen.change(show_sliders, chosen, sliders, show_progress="hidden", api_visibility="private")
    triggers = [chosen.change, own.change, tab.select, *(slider.change for slider in sliders)]
    gr.on(
        triggers,
        show,
        inputs,
        [shared.plan, preview],
        trigger_mode="always_last",
        show_progress="hidden",
        api_visibility="private",
    )
    again.click(lambda seed: seed + 1, seed, seed, api_visibility="private").then(
        show, inputs, [shared.plan, preview], show_progress="hidden", api_visibility="private"
    )
    shared.kind.change(
        lambda kind: (gr.update(choices=_names(kind), value=[]), gr.update(visible=kind == PICTURES)),
        shared.kind,
        [chosen, own],
        api_visibility="private",
    )


def _names(kind: str) -> list[str]:
    return [op.name for op in OFFERED if op.kind == kind.lower()]


def _examples(kind: str, collection: Collection, rows: list[list[str]], own: str | None) -> ExampleSet | None:
    if kind == PICTURES:
        if own:
            return examples_from_arrays([Path(own)])
        return collection.examples() if len(collection.classes) > 1 else None
    filled = [row for row in rows if row[0] and row[1]]
    return gather(kind, collection, filled) if len({label for _, label in filled}) > 1 else None
