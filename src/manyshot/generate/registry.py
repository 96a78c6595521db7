"""The models that a run can name, with their options: one row a method."""

from manyshot.base.registry import Registry, Spec
from manyshot.generate.afhn import AFHNOptions
from manyshot.generate.conditional import ConditionalOptions
from manyshot.generate.cvae import CVAEOptions
from manyshot.generate.dagan import DAGANOptions
from manyshot.generate.data_spec import ModelOptions
from manyshot.generate.gan import DCGANOptions, GANOptions

MODELS: Registry[ModelOptions] = Registry(
    "model",
    {
        "gan": GANOptions,
        "dcgan": DCGANOptions,
        "conditional": ConditionalOptions,
        "dagan": DAGANOptions,
        "cvae": CVAEOptions,
        "afhn": AFHNOptions,
    },
    group="manyshot.models",
)
"""Every generative model by its name; its options are the fields of the class."""


def parse_model(text: str) -> ModelOptions:
    """Read a model, such as "dcgan(width=64)".

    Raises:
        InputError: if it or an option is unknown, or a value of the wrong kind.

    Example:
        >>> parse_model("dcgan(16, loss=non_saturating)")
        DCGANOptions(width=16, noise=64, loss='non_saturating', penalty='none', spectral=True)
    """
    return MODELS.parse(text).build()


def write_model(model: ModelOptions) -> str:
    """Write a model with all of its options, so that the text means the same whatever their defaults become.

    Example:
        >>> write_model(parse_model("gan(8, spectral=yes)"))
        'gan(width=8, hidden=2, noise=32, loss=non_saturating, penalty=none, spectral=yes)'
    """
    name = next(name for name in MODELS if MODELS[name] is type(model))
    return str(Spec(name, {option: getattr(model, option) for option in MODELS.options(name)}, MODELS))
