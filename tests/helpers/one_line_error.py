"""Errors of wrong input: one line that says what is wrong and how to mend it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from manyshot.base import InputError


@contextmanager
def one_line_error(*parts: str) -> Iterator[None]:
    """Expect an `InputError` of one line that contains all parts, as they are written."""
    with pytest.raises(InputError) as caught:
        yield
    message = str(caught.value)
    assert all(part in message for part in parts), message
    assert "\n" not in message
