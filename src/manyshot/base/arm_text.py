"""Arms of a comparison as users write them: `name = plan | setting=value ...`."""

from collections.abc import Iterable, Sequence

from manyshot.base.errors import InputError
from manyshot.base.suggest import did_you_mean


def split_arm(text: str) -> tuple[str, str, list[str]]:
    """Split `[name =] plan [| setting=value ...]` into its name, its plan and the parts behind the bars.

    The name is empty if there is none. A name has no "=" and no "|", and its brackets are closed.

    Raises:
        InputError: If nothing stands before the equals sign.

    Example:
        >>> split_arm("wide = support: affine(30) | learner=ridge")
        ('wide', 'support: affine(30)', ['learner=ridge'])
        >>> split_arm("support: affine(degrees=30)")
        ('', 'support: affine(degrees=30)', [])
    """
    plan, *parts = (part.strip() for part in text.split("|"))
    name, equals, named = (part.strip() for part in plan.partition("="))
    # An equals sign within an op's brackets belongs to an option, so the text before it is no name.
    if not equals or name.count("(") != name.count(")"):
        return "", plan, parts
    if not name:
        raise InputError(f"arm '{text}': no name before '='; write 'name = plan', or the plan alone")
    return name, named, parts


def read_settings(parts: Sequence[str], text: str, known: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Read the parts behind the bars of an arm, each `name=value`.

    Args:
        parts: The parts.
        text: Text of the arm, for errors.
        known: Names of the settings that the arm may have.

    Raises:
        InputError: If a part sets nothing, sets something unknown, or sets again what another has set.

    Example:
        >>> read_settings(["learning-rate=0.1"], "none | learning-rate=0.1", ["learner", "learning_rate"])
        (('learning_rate', '0.1'),)
    """
    settings: dict[str, str] = {}
    for part in parts:
        name, equals, value = (word.strip() for word in part.partition("="))
        name = name.replace("-", "_")
        if not equals or not value:
            raise InputError(f"arm '{text}': '{part}' sets nothing; write a setting after '|', such as learner=maml")
        if name not in known:
            raise InputError(f"arm '{text}': '{name}' cannot be set here; {did_you_mean(name, known)}")
        if name in settings:
            raise InputError(f"arm '{text}': {name} is set twice; set it once")
        settings[name] = value
    return tuple(settings.items())


def check_arm_names(names: Sequence[str]) -> None:
    """Make sure that arms have different names.

    Raises:
        InputError: If two have the same name.

    Example:
        >>> check_arm_names(["plain", "plain"])
        Traceback (most recent call last):
        manyshot.base.errors.InputError: two arms are called 'plain'; name them: 'first = plan'
    """
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise InputError(f"two arms are called '{repeated}'; name them: 'first = plan'")
