"""The page in a real browser: fit from dropped files, try, augment, export, errors; nothing leaves this computer."""

import shutil
import time
import urllib.error
import urllib.request

import numpy as np
import pytest
from PIL import Image

from manyshot.app.exporting import write_file
from manyshot.app.fitting import Fitted
from small_classifiers import fit_small, questions

pytest.importorskip("gradio", reason='pip install "manyshot[app]"')
playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
PROGRAM = shutil.which("chromium") or shutil.which("google-chrome")
if PROGRAM is None:  # before a server starts
    pytest.skip("no Chromium: apt-get install chromium", allow_module_level=True)

FAKE_CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")

pytestmark = pytest.mark.filterwarnings("ignore")

REPORT = {
    "accuracy": 0.8,
    "interval": [0.6, 0.9],
    "examples": 6,
    "classes": {"dark": 3, "light": 3},
    "chosen": {"encoder": "ngrams", "head": "ridge", "plan": "none"},
    "why": "it did best",
}


@pytest.fixture(scope="module")
def address():
    """The page, whose fit takes a moment and chooses nothing."""
    fit_module = pytest.importorskip("manyshot.classify.fit_model")
    from manyshot.app.web_page import serve

    def small_fit(examples, **settings):
        # Until it is stopped, which raises here: however slow the page is, it finds the fit still running.
        latest = time.monotonic() + 600
        while "slow" in examples.class_names and time.monotonic() < latest:
            settings["progress"]("a step is done")
            time.sleep(0.05)
        encoder = "efficientnet-lite0(resolution=32)" if examples.kind == "pictures" else "ngrams(64)"
        return fit_small(examples, encoder=encoder).with_report(REPORT), None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit_module, "fit_model", small_fit)
        with serve() as url:
            yield url


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=PROGRAM, args=["--no-sandbox", *FAKE_CAMERA])
        yield opened
        opened.close()


@pytest.fixture(params=[(1200, "light"), (390, "dark")], ids=["wide", "phone"])
def page(request, browser, address):
    """The page at two widths, and what it asks of other computers."""
    width, scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, permissions=["camera"])
    context.set_default_timeout(60_000)
    page = context.new_page()
    foreign = []
    page.on("request", lambda r: None if r.url.startswith((address, "data:", "blob:")) else foreign.append(r.url))
    page.goto(address)
    page.locator("#fit").wait_for()
    yield page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert foreign == []
    context.close()


def add(page, name, paths):
    page.locator("#class-name textarea, #class-name input").first.fill(name)
    page.locator("#pictures input[type=file]").set_input_files(paths)
    page.locator(f"#pictures [aria-label='{paths[-1].name}']").wait_for()
    page.locator("#add").click()


def save_pictures(folder, low, high):
    folder.mkdir()
    rng = np.random.default_rng(low)
    paths = [folder / f"{folder.name}{number}.png" for number in range(3)]
    for path in paths:
        Image.fromarray(rng.integers(low, high, (40, 50, 3), dtype=np.uint8)).save(path)
    return paths


def error_of(page):
    toast = page.locator("[data-testid=toast-body]").first
    toast.wait_for()
    words = toast.inner_text()
    page.locator("[data-testid=toast-close]").first.click()
    return words


def test_from_dropped_files_to_a_file_to_download(page, tmp_path):
    dark, light = save_pictures(tmp_path / "dark", 0, 90), save_pictures(tmp_path / "light", 160, 256)
    page.locator("#fit").click()
    assert "add pictures of at least 2" in error_of(page)
    add(page, "dark", dark)
    page.locator("#overview").get_by_text("3 pictures").first.wait_for()
    add(page, "light", light)
    page.locator("#overview").get_by_text("light").wait_for()
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    add(page, "dark", [broken])
    words = error_of(page)
    assert "broken.png: not a complete image" in words
    assert "Traceback" not in words
    page.locator("#fit").click()
    page.locator("#report").get_by_text("80%").first.wait_for()

    page.get_by_role("tab", name="Try").click()
    page.locator("#picture input[type=file]").set_input_files(light[0])
    page.locator("#picture img").first.wait_for()
    page.locator("#classify").click()
    page.locator("#headline").get_by_text("light").wait_for()
    page.locator("#nearest img").first.wait_for()

    page.get_by_role("tab", name="Augment").click()
    page.locator("#ops").get_by_label("flip", exact=True).check()
    page.locator("#preview").get_by_text("variant 5").first.wait_for()
    assert page.locator("#plan textarea, #plan input").first.input_value() == "flip(0.5)"

    page.get_by_role("tab", name="Export").click()
    page.locator("#export").click()
    with page.expect_download() as download:
        page.locator("#download a").first.click()
    assert download.value.suggested_filename == "model.zip"


def test_a_fit_that_is_stopped_says_so_and_the_next_one_classifies_what_the_webcam_sees(page, tmp_path):
    dark, light = save_pictures(tmp_path / "dark", 0, 90), save_pictures(tmp_path / "light", 160, 256)
    add(page, "dark", dark)
    page.locator("#overview").get_by_text("3 pictures").first.wait_for()
    add(page, "slow", light)
    page.locator("#overview").get_by_text("slow").wait_for()
    page.locator("#fit").click()
    page.get_by_text("a step is done").first.wait_for()
    page.locator("#stop").click()
    assert "stopped; what was encoded is kept" in error_of(page)
    page.locator("#which input").click()
    page.get_by_role("option", name="slow").click()
    page.locator("#remove").click()
    page.locator("#overview").get_by_text("slow").wait_for(state="detached")
    add(page, "light", light)
    page.locator("#overview").get_by_text("light").wait_for()
    page.locator("#fit").click()
    page.locator("#report").get_by_text("80%").first.wait_for()

    page.get_by_role("tab", name="Try").click()
    page.get_by_label("Capture from camera").click()
    page.get_by_text("Click to Access Webcam").click()
    # A camera without a first frame has no width, and a photo that is taken then is silently dropped.
    page.wait_for_function("document.querySelector('#picture video')?.videoWidth > 0")
    page.get_by_label("capture photo").click()
    page.locator("#picture img").first.wait_for()
    page.locator("#classify").click()
    page.locator("#nearest img").first.wait_for()
    assert page.locator("#headline").inner_text().split()[0] in ("dark", "light", "unknown")


def test_sentences_of_a_table_and_a_model_that_was_downloaded(page, tmp_path):
    examples = questions()
    rows = zip(examples.texts(range(8)), examples.labels, strict=True)
    lines = ["sentence,class", *(f"{text},{examples.class_names[label]}" for text, label in rows)]
    (tmp_path / "questions.csv").write_text("\n".join(lines))
    page.get_by_label("Sentences", exact=True).check()
    page.locator("#table input[type=file]").set_input_files(tmp_path / "questions.csv")
    page.locator("#sentences").get_by_text("where is my parcel").first.wait_for()
    page.locator("#fit").click()
    page.locator("#report").get_by_text("80%").first.wait_for()

    page.get_by_role("tab", name="Try").click()
    ask = page.locator("#sentence textarea")
    ask.fill("where is the parcel")
    page.locator("#classify").click()
    page.locator("#headline").get_by_text("parcel").wait_for()
    page.locator("#nearest").get_by_text("where is my parcel").wait_for()

    model, torn = tmp_path / "model.zip", tmp_path / "torn.zip"
    fitted = Fitted(fit_small(examples.select(range(5)), encoder="ngrams(64)"))
    write_file(fitted, "zip", tmp_path)[0].rename(model)
    torn.write_bytes(model.read_bytes()[:2000])
    page.get_by_text("Open a model").click()
    page.locator("#archive input[type=file]").set_input_files(torn)
    assert "torn.zip: not a complete zip" in error_of(page)
    page.locator("#archive").get_by_label("Clear").click()
    page.locator("#archive input[type=file]").set_input_files(model)
    page.locator("#status").get_by_text("from 5 examples of 2 classes").wait_for()
    assert page.locator("#headline").inner_text().strip() == ""


def test_the_page_answers_this_computer_alone_and_lets_the_browser_load_from_it_alone(address):
    with urllib.request.urlopen(address) as answer:
        assert "default-src 'self'" in answer.headers["content-security-policy"]
    foreign = urllib.request.Request(address, headers={"Host": "example.org"})
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(foreign)
