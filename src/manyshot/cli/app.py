"""`manyshot app`: the page in the browser."""

from pathlib import Path
from typing import Annotated

import typer

from manyshot.base import InputError, quieten
from manyshot.cli.output import print_json
from manyshot.cli.shared_options import Json, Quiet, examples

EXAMPLES = examples(
    "manyshot app",
    "manyshot app model",
    "manyshot app --port 8080 --no-browser",
    "",
    "The page is shown to this computer alone, and asks nothing of the network.",
)


def app(
    folder: Annotated[Path | None, typer.Argument(metavar="[MODEL]", help="A model that `manyshot fit` wrote.")] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=1024, max=65535, help="Port to listen on; a free one if not given.")
    ] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")] = True,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Fit, try, augment and export on a page in the browser, on this computer alone."""
    quieten(quiet)
    try:
        from manyshot.app.web_page import serve
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] not in ("gradio", "starlette"):
            raise
        raise InputError('the page needs gradio, which is not installed: pip install "manyshot[app]"') from None
    import time

    from manyshot.app.exporting import open_model

    opened = None if folder is None else open_model(folder.expanduser())
    with serve(opened, port, browser) as address:
        if as_json:
            print_json({"address": address})
        else:
            print(f"{address}  (Ctrl-C ends it)", flush=True)
        while True:
            time.sleep(3600)
