"""The models that a run can name, with their options: one row a method."""

from manyshot.augment.build import build
from manyshot.augment.language import parse_call
from manyshot.generate.afhn import AFHNOptions
from manyshot.generate.conditional import ConditionalOptions
from manyshot.generate.cvae import CVAEOptions
from manyshot.generate.dagan import DAGANOptions
from manyshot.generate.gan import DCGANOptions, GANOptions
from manyshot.generate.kind import ModelOptions

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
    options: ModelOptions = build(parse_call(text, "model"), MODELS, "model")
    return options
