"""Whether the hub that models are downloaded from can be reached."""

import os
import socket
from contextlib import suppress
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit
from urllib.request import getproxies

SECONDS = 4.0
"""Longest time to wait for a connection; the hub's own library tries for more than half a minute."""


def uses_local_files(model: str) -> bool:
    """Whether a model is loaded from this machine: it is a folder, or the hub cannot be reached.

    Args:
        model: Name of a model on the hub, or a folder.

    Example:
        >>> uses_local_files(".")
        True
    """
    return Path(model).expanduser().is_dir() or not is_reachable()


def is_reachable() -> bool:
    """Whether the hub (`HF_ENDPOINT`, or huggingface.co) accepts connections; assumed behind a proxy."""
    if getproxies():
        return True
    address = urlsplit(os.environ.get("HF_ENDPOINT") or "https://huggingface.co")
    connected = []

    def connect() -> None:
        port = address.port or (80 if address.scheme == "http" else 443)
        with suppress(OSError), socket.create_connection((address.hostname, port), timeout=SECONDS):
            connected.append(True)

    # In a thread, because looking up the name takes its own time.
    thread = Thread(target=connect, daemon=True)
    thread.start()
    thread.join(SECONDS)
    return bool(connected)
