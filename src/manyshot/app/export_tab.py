"""The tab "Export": files of the classifier to download."""

from pathlib import Path

import gradio as gr

from manyshot.app.exporting import FORMATS, write_file
from manyshot.app.fitting import Fitted
from manyshot.app.readable_errors import readable
from manyshot.app.shared_controls import Shared
from manyshot.app.try_tab import NONE_YET
from manyshot.base import InputError


def export_tab(shared: Shared, folder: Path) -> None:
    """Lay out the tab.

    Args:
        shared: What tabs share.
        folder: Where files to download are written.
    """
    formats = list(FORMATS)
    choice = gr.Radio(formats, value=formats[0], label="Format", elem_id="format")
    write = gr.Button("Write the file", variant="primary", elem_id="export")
    file = gr.File(label="Download", interactive=False, elem_id="download")
    about = gr.Markdown(elem_id="about")

    @readable
    def export(fitted: Fitted | None, choice: str) -> tuple[str, str]:
        """Write the file; returns its path, and a few words about it."""
        if fitted is None:
            raise InputError(NONE_YET)
        path, words = write_file(fitted, FORMATS[choice], folder)
        return str(path), words

    write.click(export, [shared.fitted, choice], [file, about], show_progress_on=about, api_visibility="private")
