"""The models that a run can name, with their options: one row a method."""

from manyshot.augment.plan.build import build, options
from manyshot.augment.plan.language import parse_call
from manyshot.augment.plan.syntax import Call, Value
from manyshot.generate.afhn import AFHNOptions
from manyshot.generate.conditional import ConditionalOptions
from manyshot.generate.cvae import CVAEOptions
from manyshot.generate.dagan import DAGANOptions
from manyshot.generate.data_spec import ModelOptions
from manyshot.generate.gan import DCGANOptions, GANOptions

MODELS: dict[str, type[ModelOptions]] = {
    "gan": GANOptions,
    "dcgan": DCGANOptions,
    "conditional": ConditionalOptions,
    "dagan": DAGANOptions,
    "cvae": CVAEOptions,
    "afhn": AFHNOptions,
}
"""Every generative model by its name; its options are the fields of the class."""


def parse_model(text: str) -> ModelOptions:
    """Read a model, such as "dcgan(width=64)".

    Raises:
        InputError: if it or an option is unknown, or a value of the wrong kind.

    Example:
        >>> parse_model("dcgan(16, loss=non_saturating)")
        DCGANOptions(width=16, noise=64, loss='non_saturating', penalty='none', spectral=True)
    """
    model: ModelOptions = build(parse_call(text, "model"), MODELS, "model")
    return model


def write_model(model: ModelOptions) -> str:
    """Write a model with all of its options, so that the text means the same whatever their defaults become.

    Example:
        >>> write_model(parse_model("gan(8, spectral=yes)"))
        'gan(width=8, hidden=2, noise=32, loss=non_saturating, penalty=none, spectral=yes)'
    """
    kind = type(model)
    name = next(name for name, known in MODELS.items() if known is kind)
    return str(Call(name, options=tuple((option, _value(getattr(model, option))) for option in options(kind))))


def _value(value: bool | float | str) -> Value:
    """The value of an option as the language writes it."""
    if isinstance(value, bool):
        value = "yes" if value else "no"
    return (Call(value),) if isinstance(value, str) else value
