"""The site builds without a warning, holds every public name, and asks no other host for anything."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import manyshot as ms

pytest.importorskip("material")
pytest.importorskip("mkdocstrings")
ROOT = Path(__file__).resolve().parents[2]
LOADED = re.compile(r"""<(?:script|img|iframe|link)[^>]*?\s(?:src|href)="?((?:https?:)?//[^"\s>]+)""")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(folder)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_every_public_name_is_in_the_reference(site: Path) -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in (site / "reference").glob("*.html"))
    missing = [name for name in ms.__all__ if f'id="manyshot.{name}"' not in text]
    assert not missing


def test_no_page_loads_anything_from_another_host(site: Path) -> None:
    pages = [*site.glob("*.html"), *site.glob("reference/*.html")]
    assert len(pages) > 30
    loaded = {(page.name, url) for page in pages for url in LOADED.findall(page.read_text(encoding="utf-8"))}
    assert not loaded


def test_a_link_out_of_the_folder_of_docs_has_a_page(site: Path) -> None:
    page = (site / "where_is_what.html").read_text(encoding="utf-8")
    targets = re.findall(r'href="(files/src/[^"]+)"', page)
    assert targets
    assert all((site / target).is_file() for target in targets)
