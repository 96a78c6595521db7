"""Names, paths, roots and downloads."""

import hashlib
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from manyshot.base import InputError
from manyshot.datasets import DATASETS, PublishedFile, check_dataset, fetch, load_dataset

CONTENT = b"what its authors published" * 1000


class Server(BaseHTTPRequestHandler):
    """Serves CONTENT at any path; "/flaky" breaks the first time, "/other" is always something else."""

    asked: list[str]

    def __init__(self, *arguments, asked):
        self.asked = asked
        super().__init__(*arguments)

    def do_GET(self):
        self.asked.append(self.path)
        broken = self.path.startswith("/flaky") and len(self.asked) == 1
        body = CONTENT[:100] if broken or self.path.startswith("/other") else CONTENT
        self.send_response(404 if self.path.startswith("/gone") else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    """The address of a server, and the list of what it was asked for."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "MANYSHOT_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("time.sleep", lambda _: None)  # pooch waits between tries
    asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Server, asked=asked)) as serving:
        thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}", asked
        serving.shutdown()
        thread.join()


def published(url: str) -> PublishedFile:
    return PublishedFile("data.bin", url, "sha256:" + hashlib.sha256(CONTENT).hexdigest(), len(CONTENT), ("train",))


def test_a_download_lands_in_the_cache_once(server, cache):
    address, asked = server
    path = fetch.fetch("things", published(f"{address}/whole"), None)
    assert path == cache / "things" / "data.bin"
    assert path.read_bytes() == CONTENT
    assert fetch.fetch("things", published(f"{address}/whole"), None) == path
    assert asked == ["/whole"]


def test_a_download_that_breaks_is_tried_again(server):
    address, asked = server
    assert fetch.fetch("things", published(f"{address}/flaky"), None).read_bytes() == CONTENT
    assert len(asked) == 2


def test_a_download_of_something_else_leaves_nothing_and_explains(server, cache):
    address, _ = server
    with pytest.raises(InputError, match=r"data\.bin: arrived with another checksum.*put it into .*things"):
        fetch.fetch("things", published(f"{address}/other"), None)
    assert [path for path in cache.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("url", ["{address}/gone", "http://127.0.0.1:9/x"])
def test_without_a_network_the_manual_way_is_named(url, server):
    with pytest.raises(InputError, match=r"cannot be downloaded \(.*\); fetch http.* put it into .*or MANYSHOT_DATA"):
        fetch.fetch("things", published(url.format(address=server[0])), None)


def test_files_are_found_by_environment_before_they_are_downloaded(server, tmp_path, monkeypatch):
    (tmp_path / "things").mkdir()
    (tmp_path / "things" / "data.bin").write_bytes(b"here already")
    monkeypatch.setenv("MANYSHOT_DATA", str(tmp_path))
    assert fetch.fetch("things", published(server[0]), None) == tmp_path / "things" / "data.bin"
    assert server[1] == []


def test_checking_tells_present_from_missing_and_differing(tmp_path):
    file = published("http://nowhere")
    assert fetch.check_files("things", [file], tmp_path)[0].state == "missing"
    (tmp_path / "data.bin").write_bytes(CONTENT)
    assert fetch.check_files("things", [file], tmp_path)[0].state == "present"
    (tmp_path / "data.bin").write_bytes(CONTENT + b"more")
    assert fetch.check_files("things", [file], tmp_path)[0].state == "differs"
    (tmp_path / "data.bin").write_bytes(b"")
    assert fetch.check_files("things", [file], tmp_path)[0].state == "truncated"


def test_a_root_that_is_no_folder_is_named(tmp_path):
    for use in (
        lambda: load_dataset("mnist", root=tmp_path / "nowhere"),
        lambda: check_dataset("mnist", tmp_path / "nowhere"),
    ):
        with pytest.raises(InputError, match="nowhere: no such folder"):
            use()


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(InputError, match="no data set and no folder or zip 'omniglott'; did you mean 'omniglot'"):
        load_dataset("omniglott")
    with pytest.raises(InputError, match="no data set 'mnits'; did you mean 'mnist'"):
        check_dataset("mnits")


def test_a_name_wins_over_a_folder_called_the_same_and_a_path_does_not(tmp_path, monkeypatch, png, write):
    write(tmp_path / "digits", {"cat/1.png": png(1)})
    monkeypatch.chdir(tmp_path)
    assert len(load_dataset("digits")) == 1797
    assert load_dataset("./digits").class_names == load_dataset(Path("digits")).class_names == ("cat",)


def test_a_path_may_lie_below_root(tmp_path, png, write):
    write(tmp_path / "photos", {"cat/1.png": png(1)})
    assert load_dataset("photos", root=tmp_path).class_names == ("cat",)


@pytest.mark.parametrize("size", [0, 3, 5000])
def test_a_size_out_of_range_is_refused(size):
    with pytest.raises(InputError, match=f"size={size}: give from 4 to 1024 pixels"):
        load_dataset("digits", size=size)


def test_every_row_says_what_a_person_needs():
    for name, row in DATASETS.items():
        assert row.name == name
        assert row.summary
        assert row.license
        assert row.homepage.startswith("https://")
        assert len(set(row.splits)) == len(row.splits) > 0
