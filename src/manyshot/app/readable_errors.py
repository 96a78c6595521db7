"""Errors of the page: one line that people can read, never a traceback."""

import functools
import re
import traceback
from collections.abc import Callable
from html import escape
from typing import ParamSpec, TypeVar

import gradio as gr

from manyshot.base import InputError

UPLOAD = re.compile(r"\S*/[0-9a-f]{64}/")
"""The folder of an uploaded file, which means nothing to the person who uploaded it."""
P = ParamSpec("P")
R = TypeVar("R")


def readable(handler: Callable[P, R]) -> Callable[P, R]:
    """Turn what a handler raises into a message on the page.

    A traceback of what is not the user's to mend goes to the terminal.

    Args:
        handler: A function that the page calls.
    """

    @functools.wraps(handler)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return handler(*args, **kwargs)
        except gr.Error:
            raise
        except InputError as error:
            raise shown(str(error)) from None
        except MemoryError:
            raise shown("not enough memory; use fewer or smaller examples") from None
        except OSError as error:
            raise shown(f"{error.filename or 'file'}: {error.strerror or error}") from None
        except Exception as error:
            traceback.print_exc()
            raise shown(f"a fault of Manyshot ({type(error).__name__}); the terminal has the details") from None

    return run


def shown(message: str) -> gr.Error:
    """An error as the page shows it, until it is closed.

    Args:
        message: One line; it is escaped, since the page would read HTML.
    """
    line = UPLOAD.sub("", " ".join(message.split()))
    return gr.Error(escape(line, quote=False), duration=None, print_exception=False)
