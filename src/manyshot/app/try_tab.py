"""The tab "Try": what the classifier says of a picture or a sentence."""

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.events import Dependency

from manyshot.app.exporting import open_model
from manyshot.app.fitting import Fitted
from manyshot.app.readable_errors import readable
from manyshot.app.shared_controls import Shared
from manyshot.app.trying import ask
from manyshot.base import InputError
from manyshot.classify.examples.read_examples import examples_from_arrays

NONE_YET = "There is no classifier yet: fit one, or open one."


def try_tab(shared: Shared, page: gr.Blocks, fit_done: Dependency) -> None:
    """Lay out the tab.

    Args:
        shared: What tabs share.
        page: The page.
        fit_done: The event of a fit that succeeded.
    """
    status = gr.Markdown(NONE_YET, elem_id="status")
    with gr.Row():
        with gr.Column():
            picture = gr.Image(
                label="Picture",
                sources=["upload", "webcam", "clipboard"],
                type="filepath",
                format="png",
                height=300,
                elem_id="picture",
            )
            sentence = gr.Textbox(label="Sentence", lines=2, visible=False, elem_id="sentence")
            classify = gr.Button("Classify", variant="primary", elem_id="classify")
        with gr.Column():
            headline = gr.HTML(elem_id="headline", elem_classes="prose")
            probabilities = gr.Label(label="Probabilities", num_top_classes=5, show_heading=False, elem_id="label")
    gr.Markdown("#### Nearest training examples")
    nearest = gr.HTML(elem_id="nearest", elem_classes="prose")
    with gr.Accordion("Open a model", open=False):
        archive = gr.File(label="Zip of a folder that manyshot fit wrote", file_types=[".zip"], elem_id="archive")

    shown = [status, picture, sentence]
    answers = [headline, probabilities, nearest]
    fit_done.success(_describe, shared.fitted, shown, api_visibility="private")
    page.load(_describe, shared.fitted, shown, api_visibility="private")
    opened = archive.upload(_open, archive, shared.fitted, show_progress="hidden", api_visibility="private")
    opened.success(_describe, shared.fitted, shown, api_visibility="private")
    opened.success(lambda: ("", None, ""), None, answers, show_progress="hidden", api_visibility="private")
    gr.on(
        [classify.click, sentence.submit],
        _classify,
        [shared.fitted, picture, sentence],
        answers,
        show_progress="hidden",
        api_visibility="private",
    )


@readable
def _classify(fitted: Fitted | None, path: str | None, text: str | None) -> tuple[Any, ...]:
    """Headline, probabilities and nearest examples of one picture or sentence."""
    if fitted is None:
        raise InputError(NONE_YET)
    given = Path(path) if fitted.model.kind == "pictures" and path else (text or "").strip()
    if fitted.model.kind == "pictures" and not path:
        raise InputError("no picture; drop one, or take one with the webcam")
    if not given:
        raise InputError("no sentence; write one")
    answer = ask(fitted, examples_from_arrays([given]))
    return answer.headline, answer.probabilities, answer.nearest


def _describe(fitted: Fitted | None) -> tuple[Any, ...]:
    """What there is, and whether a picture or a sentence is asked for."""
    if fitted is None:
        return NONE_YET, gr.update(), gr.update()
    model = fitted.model
    examples = f"{len(model.reference.names)} examples of {len(model.class_names)} classes"
    pictures = model.kind == "pictures"
    return (
        f"A classifier of {model.kind}, from {examples}.",
        gr.update(visible=pictures),
        gr.update(visible=not pictures),
    )


@readable
def _open(path: str | None) -> Fitted | None:
    return open_model(Path(path)) if path else None
