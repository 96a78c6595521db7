"""Generative models by name."""

from manyshot.base.registry import Registry
from manyshot.generate.afhn import AFHN
from manyshot.generate.conditional_gan import ConditionalGAN
from manyshot.generate.cvae import CVAE
from manyshot.generate.dagan import DAGAN
from manyshot.generate.dcgan import DCGAN
from manyshot.generate.gan import GAN
from manyshot.generate.generator_objective import GeneratorObjective

MODELS: Registry[GeneratorObjective] = Registry(
    "model",
    {
        "gan": GAN,
        "dcgan": DCGAN,
        "conditional": ConditionalGAN,
        "dagan": DAGAN,
        "cvae": CVAE,
        "afhn": AFHN,
    },
    base=GeneratorObjective,
    context=("spec",),
    group="manyshot.models",
)
"""Every generative model by its name: `MODELS.parse("dcgan(width=64)").build(spec=DataSpec((1, 28, 28)))`."""


def objective_class(text: str) -> type[GeneratorObjective]:
    """The class of a model that is named with its options.

    Args:
        text: Model such as "dcgan(width=64)".

    Raises:
        InputError: If the model or an option is unknown, or a value out of range.

    Example:
        >>> objective_class("dagan(8)").conditioning
        'item'
    """
    factory = MODELS.parse(text).factory
    assert isinstance(factory, type)  # the registry holds classes only
    return factory
