"""The errors that the command line prints as one line."""

from typing import ClassVar


class InputError(ValueError):
    """Something that a person gave cannot be used.

    The message is one line that names what is wrong, where (file, class, option, value) and how to mend it. The command
    line prints it alone and exits with status 2; every other exception is a fault of ours and keeps its traceback.

    Example:
        >>> raise InputError("shots=0: give at least 1")
        Traceback (most recent call last):
        manyshot.base.errors.InputError: shots=0: give at least 1
    """


class WorkStopped(RuntimeError):
    """Work that could not go on, though nothing that was given was wrong, such as a training that diverged.

    The message is one line; the command line prints it alone and exits with status 1.
    """

    secondary: ClassVar[bool] = False
    """Whether it only follows from an error of another process, which that one tells."""


class TrainingDiverged(WorkStopped):
    """The loss or the gradient stopped being a number, or exploded.

    The last good weights are kept: the learner gets those of the last checkpoint back.
    """
