"""The page: its layout, and the server that shows it on this computer alone."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from manyshot.app.augment_tab import augment_tab, plan_box
from manyshot.app.collection import Collection
from manyshot.app.export_tab import export_tab
from manyshot.app.fit_tab import fit_tab, sentence_table
from manyshot.app.fitting import Fitted
from manyshot.app.shared_controls import PICTURES, SENTENCES, Shared
from manyshot.app.try_tab import try_tab
from manyshot.base import InputError

HOST = "127.0.0.1"
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; "
    "form-action 'self'; frame-ancestors 'none'"
)
"""What the browser may load: from this server alone, so that no font, script or picture is asked for elsewhere."""
SUBTITLE = '<p class="quiet">A classifier from a few examples. Everything stays on this computer.</p>'
FONT: list[gr.themes.Font | str] = [gr.themes.LocalFont("Source Sans Pro", (400, 700)), "system-ui", "sans-serif"]
"""Gradio's default is half bold, and its file of that weight holds few letters."""
STYLE = Path(__file__).with_name("style.css")


class ContentPolicy:
    """Middleware that adds `POLICY` to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""

        async def send_with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"content-security-policy", POLICY.encode())]
            await send(message)

        await self.app(scope, receive, send_with_policy if scope["type"] == "http" else send)


def build_page(opened: Fitted | None, folder: Path) -> gr.Blocks:
    """Lay out the page.

    Args:
        opened: A classifier to begin with.
        folder: Where files to download are written.
    """
    kind = PICTURES if opened is None or opened.model.kind == "pictures" else SENTENCES
    page: gr.Blocks
    with gr.Blocks(title="Manyshot", analytics_enabled=False) as page:
        gr.HTML(
            f"<h1>Manyshot</h1>{SUBTITLE}",
            elem_classes="prose heading",
        )
        shared = Shared(
            gr.Radio([PICTURES, SENTENCES], value=PICTURES, label="Examples are", elem_id="kind"),
            gr.State(Collection()),
            sentence_table(),
            gr.State(lambda: opened),
            plan_box(),
        )
        with gr.Tabs(selected="try" if opened else "fit"):
            with gr.Tab("Fit", id="fit"):
                fit_done = fit_tab(shared)
            with gr.Tab("Try", id="try"):
                try_tab(shared, page, fit_done)
            with gr.Tab("Augment", id="augment") as tab:
                augment_tab(shared, tab)
            with gr.Tab("Export", id="export"):
                export_tab(shared, folder)
        page.load(lambda: kind, None, shared.kind, api_visibility="private")
    return page


@contextmanager
def serve(opened: Fitted | None = None, port: int | None = None, open_browser: bool = False) -> Iterator[str]:
    """Serve the page on this computer until the block ends; what was uploaded is removed then.

    Args:
        opened: A classifier to begin with.
        port: Port to listen on; a free one if None.
        open_browser: Whether to open the page in the browser.

    Returns:
        The address of the page.

    Raises:
        InputError: If the port is in use.
    """
    with tempfile.TemporaryDirectory(prefix="manyshot-app-") as folder:
        environment = {"GRADIO_TEMP_DIR": folder, "GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_DISABLE_TELEMETRY": "1"}
        before = {name: os.environ.get(name) for name in environment}
        os.environ.update(environment)
        page = build_page(opened, Path(folder))
        try:
            _, address, _ = page.queue(api_open=False).launch(**_settings(port, open_browser))
            yield address
        except OSError as error:
            if "port" not in str(error):
                raise
            raise InputError(f"port {port}: in use; choose another") from None
        finally:
            page.close(verbose=False)
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})


def _settings(port: int | None, open_browser: bool) -> dict[str, Any]:
    return {
        "server_name": HOST,
        "server_port": port,
        "inbrowser": open_browser,
        "share": False,
        "prevent_thread_lock": True,
        "quiet": True,
        "ssr_mode": False,
        "pwa": False,
        "mcp_server": False,
        "enable_monitoring": False,
        "footer_links": [],
        "theme": gr.themes.Default(font=FONT),
        "css_paths": STYLE,
        "app_kwargs": {
            "middleware": [
                Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"]),
                Middleware(ContentPolicy),
            ]
        },
    }
