"""Worker processes that end with the process that started them."""

import os
import threading
from multiprocessing import parent_process


def end_with_parent() -> None:
    """In a worker of `multiprocessing`: end this process at once if its parent is gone, however that ended.

    A parent that is killed cannot tell its workers to stop: an idle one would wait for work forever, a busy one would
    go on writing. What a run writes is in place or not at all, so a worker may end at any moment.
    """
    parent = parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, name="end with parent", daemon=True).start()
