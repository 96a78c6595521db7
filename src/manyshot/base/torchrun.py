"""Whether this process is one of several that do one job."""

import os


def are_several() -> bool:
    """Whether `torchrun`, or a starter like it, has started this process as one of several.

    Example:
        >>> are_several()
        False
    """
    return int(os.environ.get("WORLD_SIZE", "1")) > 1 and "RANK" in os.environ and "MASTER_ADDR" in os.environ
