import socket
import time

import pytest

from manyshot.base import hub_access


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    monkeypatch.setattr(hub_access, "getproxies", dict)


def test_a_hub_that_listens_is_reachable(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
        assert hub_access.is_reachable()
        assert not hub_access.uses_local_files("name/of-a-model")
        assert hub_access.uses_local_files("/")


def test_a_hub_that_refuses_is_not(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
    assert hub_access.uses_local_files("name/of-a-model")


def test_a_hub_whose_name_takes_long_to_look_up_is_given_up_soon(monkeypatch):
    monkeypatch.setattr(hub_access, "SECONDS", 0.1)

    def slow(*_: object, **__: object) -> None:
        time.sleep(1)
        raise TimeoutError

    monkeypatch.setattr(socket, "create_connection", slow)
    began = time.monotonic()
    assert not hub_access.is_reachable()
    assert time.monotonic() - began < 1


def test_behind_a_proxy_the_hub_is_taken_to_be_reachable(monkeypatch):
    monkeypatch.setattr(hub_access, "getproxies", lambda: {"https": "http://proxy:3128"})
    monkeypatch.setattr(socket, "create_connection", pytest.fail)
    assert hub_access.is_reachable()
