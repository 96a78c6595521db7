"""Do tasks ask for classes, or for numbers?"""

from manyshot.tasks.episode import Episode


def has_classes(episode: Episode) -> bool:
    """Whether the labels of the support items that are there are shares, of two classes or more.

    Labels that are not are the targets of a regression, of one number or several.

    Args:
        episode: T tasks.

    Example:
        >>> from manyshot.tasks import EpisodeSampler, Sinusoids, Source
        >>> import torch
        >>> source = Source.of(torch.rand(80, 6), [f"class {i % 4}" for i in range(80)])
        >>> has_classes(EpisodeSampler(source, ways=3).batch(0, 2)), has_classes(Sinusoids().batch(0, 2))
        (True, False)
    """
    labels = episode.support.labels[episode.support.weight > 0]
    whole = (labels.sum(-1) - 1).abs() < 1e-4
    return labels.shape[-1] > 1 and bool((labels >= 0).all() and whole.all())
