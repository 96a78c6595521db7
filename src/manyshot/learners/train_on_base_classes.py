"""The base class of learners that train by plain classification of all training classes."""

from typing import Any, ClassVar

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from manyshot.base import InputError
from manyshot.learners.feature_learner import FeatureLearner
from manyshot.learners.learner import Learner, MakeEncoder, by_task, item_losses, weighted_mean
from manyshot.tasks import Episode


class BaseClassesLearner(FeatureLearner):
    """Train the encoder as a classifier of the training (base) classes; adapt by fitting a new head to each task.

    L = mean_i w_i H(c(x_i), softmax(g(f(x_i)))) over support and query; g is linear, with one output per base class

    The tasks of an episode serve as a batch of examples whose base classes are `Episode.classes`. A class that an
    augmentation rotated or flipped as a whole counts as its original class; examples of classes that an augmentation
    added are ignored.

    Args:
        encoder: Module from items `[n, ...]` to features `[n, d]`, with the attribute `features`, the length d.
        classes: Number of base classes; 0 for a learner that adapts but is not trained.

    Raises:
        InputError: If the encoder has no attribute `features`, or, in `loss`, if the class index of a task is not below
            `classes`.
    """

    trains_on_tasks: ClassVar[bool] = False
    has_query_losses: ClassVar[bool] = False

    def __init__(self, encoder: nn.Module, classes: int = 0) -> None:
        super().__init__(encoder)
        self.classes = classes
        if classes:
            features = getattr(encoder, "features", None)
            if not isinstance(features, int):
                raise InputError("the encoder has no attribute `features`; set it to the length of a feature vector")
            self.base = nn.Linear(features, classes)

    @classmethod
    def build(cls, encoder: MakeEncoder, classes: int = 0, **options: Any) -> Learner:  # noqa: ANN401 - by the constructor
        """Build the learner and its encoder; with a frozen encoder, without a classifier of the base classes.

        Args:
            encoder: Function that builds an encoder with a given normalization.
            classes: Number of base classes; 0 if the learner is not trained.
            **options: Options of the constructor.
        """
        body = encoder("batch")
        trained = any(parameter.requires_grad for parameter in body.parameters())
        return cls(body, classes if trained else 0, **options)

    def is_trainable(self) -> bool:
        """Whether training can change any weight: without base classes, that of the encoder alone."""
        module = self if self.classes else self.encoder
        return any(parameter.requires_grad for parameter in module.parameters())

    def base_logits(self, features: Float[Tensor, "t n d"]) -> Float[Tensor, "t n classes"]:
        """Logits of the classifier of the base classes.

        Args:
            features: Features `[T, n, d]`.
        """
        logits: Tensor = self.base(features)
        return logits

    def above(self) -> nn.Module:
        """The rest of the encoder after `body` (default: the identity)."""
        return nn.Identity()

    def loss(self, episode: Episode) -> Float[Tensor, ""]:
        """Cross-entropy of the classification among the base classes, over support and query."""
        if not self.classes:
            raise InputError(
                "this learner was built without base classes (classes=0); give the number of training classes"
            )
        if int(episode.classes.max()) >= self.classes:
            raise InputError(
                f"class index {int(episode.classes.max())} in a task, but the learner was built for {self.classes} "
                "base classes; train it on those"
            )
        both = episode.support.joined(episode.query)
        encoder = self.above() if self.given_features else self.encoder
        logits = self.base_logits(by_task(encoder, both.items, both.weight))
        known = (episode.classes >= 0).to(both.labels.dtype)
        one_hot = F.one_hot(episode.classes.clamp(min=0), self.classes) * known[..., None]
        weight = both.weight * (both.labels @ known[..., None])[..., 0]
        return weighted_mean(item_losses(logits, both.labels @ one_hot), weight).mean()
