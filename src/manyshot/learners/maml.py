"""Model-agnostic meta-learning (Finn, Abbeel and Levine 2017)."""

from manyshot.learners.gradient_learner import GradientLearner


class MAML(GradientLearner):
    """Learn weights from which a few gradient steps on a task's support make a good classifier.

    theta_t = theta - alpha grad L(theta; support_t), `steps` times;   min over theta of sum_t L(theta_t; query_t)

    The inner loop is in `inner_loop.py` (`inner_trajectory`, `inner_update`, `inner_grads`); the outer update is a step
    of `manyshot.training.fit` (`training_loop.py`).

    Args:
        model: Any module that maps items `[n, ...]` to logits `[n, ways]`, see `GradientLearner`.
        ways: Number of outputs of the model; tasks may have fewer classes.
        step_size: Inner learning rate alpha.
        steps: Number of inner gradient steps.
        order: 2 to differentiate through the inner gradients, 1 to treat them as constants (first-order MAML).
        criterion: "cross-entropy", or "squared-error" for regression.
        vectorized: Whether tasks are computed together, see `GradientLearner`.

    Raises:
        InputError: As `GradientLearner`.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from manyshot.nets import Conv4
        >>> from manyshot.tasks import Examples
        >>> encoder = Conv4(channels=1, size=28, widths=(8, 8, 8, 8), norm="group")
        >>> learner = MAML(nn.Sequential(encoder, nn.Linear(encoder.features, 5)), ways=5)
        >>> support = Examples.of(torch.rand(2, 5, 1, 28, 28), torch.arange(5))
        >>> learner.adapt(support)(torch.rand(2, 7, 1, 28, 28)).shape
        torch.Size([2, 7, 5])
    """
