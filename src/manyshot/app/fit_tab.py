"""The tab "Fit": examples by class, and a classifier of them."""

import threading
from collections import defaultdict
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.events import Dependency

from manyshot.app.collection import Collection, rows_of_table
from manyshot.app.fitting import Fitted, fit, report_html
from manyshot.app.html import classes_html
from manyshot.app.readable_errors import readable
from manyshot.app.shared_controls import PICTURE_TYPES, PICTURES, SENTENCES, TABLE_TYPES, Shared, gather
from manyshot.base import InputError
from manyshot.classify.encode.frozen_encoders import available

AUTO = "choose for me"
NO_AUGMENTATION = "none"
FROM_TAB = "the plan of the tab Augment"
EMPTY_ROWS = [["", ""]] * 6


def sentence_table() -> gr.Dataframe:
    """The table of sentences; the tab places it."""
    return gr.Dataframe(
        EMPTY_ROWS,
        headers=["sentence", "class"],
        column_count=2,
        type="array",
        interactive=True,
        wrap=True,
        render=False,
        label="Sentences and their classes",
        elem_id="sentences",
        column_widths=["65%", "35%"],
    )


def fit_tab(shared: Shared) -> Dependency:
    """Lay out the tab.

    Args:
        shared: What tabs share.

    Returns:
        The event of a fit that succeeded.
    """
    _pictures(shared)
    _sentences(shared)
    return _fit(shared)


def _pictures(shared: Shared) -> None:
    with gr.Group(visible=True) as group:
        name = gr.Textbox(label="Class", placeholder="cat", max_lines=1, elem_id="class-name")
        files = gr.File(
            label="Pictures, or a zip with a folder per class",
            file_count="multiple",
            file_types=PICTURE_TYPES,
            height=160,
            elem_id="pictures",
        )
        add = gr.Button("Add to the class", elem_id="add")
    overview = gr.HTML(classes_html(Collection()), elem_id="overview", elem_classes="prose")
    with gr.Row(visible=False) as removal:
        which = gr.Dropdown([], label="Class to remove", elem_id="which")
        remove = gr.Button("Remove", elem_id="remove")

    def state_of(collection: Collection) -> tuple[Any, ...]:
        """The classes, as they are stored and as they are shown."""
        names = list(collection.classes)
        return (
            collection,
            classes_html(collection),
            gr.update(visible=bool(names)),
            gr.update(choices=names, value=None),
        )

    @readable
    def add_files(collection: Collection, name: str | None, paths: list[str] | None) -> tuple[Any, ...]:
        """Add pictures to a class, which is created if it is new."""
        more = collection.add(name or "", [Path(path) for path in paths or []])
        return (*state_of(more), "", None)

    @readable
    def remove_class(collection: Collection, name: str | None) -> tuple[Any, ...]:
        """Remove a class with its pictures."""
        return state_of(collection.remove(name or ""))

    outputs = [shared.collection, overview, removal, which]
    gr.on(
        [add.click, name.submit],
        add_files,
        [shared.collection, name, files],
        [*outputs, name, files],
        show_progress="hidden",
        api_visibility="private",
    )
    remove.click(remove_class, [shared.collection, which], outputs, show_progress="hidden", api_visibility="private")
    shared.kind.change(
        lambda kind, collection: (
            gr.update(visible=kind == PICTURES),
            gr.update(visible=kind == PICTURES),
            gr.update(visible=kind == PICTURES and len(collection) > 0),
        ),
        [shared.kind, shared.collection],
        [group, overview, removal],
        api_visibility="private",
    )


def _sentences(shared: Shared) -> None:
    with gr.Group(visible=False) as group:
        shared.sentences.render()  # type: ignore[no-untyped-call]
        table = gr.File(
            label="Or a table: CSV, TSV or JSONL with columns of sentences and classes",
            file_types=TABLE_TYPES,
            height=120,
            elem_id="table",
        )

    @readable
    def read_table(path: str | None) -> list[list[str]]:
        """The sentences and classes of an uploaded table."""
        return rows_of_table(Path(path)) if path else EMPTY_ROWS

    table.upload(read_table, table, shared.sentences, show_progress="hidden", api_visibility="private")
    shared.kind.change(lambda kind: gr.update(visible=kind == SENTENCES), shared.kind, group, api_visibility="private")


def _fit(shared: Shared) -> Dependency:
    with gr.Accordion("Options", open=False):
        encoder = gr.Dropdown([AUTO, *available("pictures")], value=AUTO, label="Encoder")
        augmentation = gr.Radio([AUTO, NO_AUGMENTATION, FROM_TAB], value=AUTO, label="Augmentation")
        budget = gr.Slider(10, 900, 180, step=10, label="Time for encoding, at most, in seconds")
    with gr.Row():
        start = gr.Button("Fit", variant="primary", elem_id="fit")
        stop = gr.Button("Stop", elem_id="stop")
    report = gr.HTML(elem_id="report", elem_classes="prose", min_height=130)
    stops: dict[str | None, threading.Event] = defaultdict(threading.Event)

    @readable
    def run_fit(
        kind: str,
        collection: Collection,
        rows: list[list[str]],
        encoder: str,
        augmentation: str,
        plan: str,
        budget: float,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - where gradio looks for it
    ) -> tuple[Fitted, str]:
        """Fit a classifier to the examples; returns it and its report."""
        stopped = stops[request.session_hash]
        stopped.clear()

        def show_progress(fraction: float, what: str) -> None:
            if stopped.is_set():
                raise InputError("stopped; what was encoded is kept, so that the next fit is faster")
            progress(fraction, desc=what)

        wanted = {AUTO: "auto", NO_AUGMENTATION: "none", FROM_TAB: plan}[augmentation]
        chosen = "auto" if encoder == AUTO else encoder
        fitted = fit(gather(kind, collection, rows), budget, chosen, wanted, show_progress)
        return fitted, report_html(fitted.model.report)

    def request_stop(request: gr.Request) -> None:
        """Ask the fit of this visitor to stop at its next step."""
        stops[request.session_hash].set()

    inputs = [shared.kind, shared.collection, shared.sentences, encoder, augmentation, shared.plan, budget]
    event = start.click(
        run_fit,
        inputs,
        [shared.fitted, report],
        show_progress_on=report,
        concurrency_limit=1,
        api_visibility="private",
    )
    stop.click(request_stop, queue=False, api_visibility="private")
    shared.kind.change(
        lambda kind: gr.update(choices=[AUTO, *available("pictures" if kind == PICTURES else "sentences")], value=AUTO),
        shared.kind,
        encoder,
        api_visibility="private",
    )
    return event
