"""Our pipeline in a `torch.utils.data.DataLoader`: augmented batches that do not depend on who computes them.

Draws follow from an address, (seed, epoch, the batch's items), not from the state of a worker: the same seed gives the
same pixels with no workers or with four, with workers that live on or are started anew, and every epoch draws afresh.
The sampler runs in the main process, once an epoch: it is what knows the epoch, and it tells the workers.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from jaxtyping import Float, Shaped
from PIL import Image
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, Sampler

from manyshot.augment.adapters.external_op import to_image
from manyshot.augment.mix import Mix
from manyshot.augment.ops.op import Op
from manyshot.base import InputError, seeds

Address = tuple[int, int]
"""Epoch and place in the data set."""


class Collate:
    """A collate function that stacks (image, label) samples and augments the batch.

    With samples of `Addressed`, draws follow from the seed, the epoch and the items. With samples of any other data set
    they follow from the seed and torch's global stream, which a loader seeds for each worker: then the pixels depend on
    the number of workers, and only there.

    Args:
        op: any op on images.
        seed: of all draws.
        mix: mixes items and labels, which needs `classes`.
        classes: number of classes; labels become rows of shares. None leaves them whole numbers.

    Raises:
        InputError: for a mix without classes; on calling, for samples that are no (image, label) of one size.

    Example:
        >>> from manyshot.augment.image import Flip
        >>> collate = Collate(Flip(), classes=2)
        >>> images, labels = collate([(torch.zeros(1, 8, 8, dtype=torch.uint8), 0), (torch.ones(1, 8, 8), 1)])
        >>> images.shape, labels.tolist()
        (torch.Size([2, 1, 8, 8]), [[1.0, 0.0], [0.0, 1.0]])
    """

    def __init__(self, op: Op, *, seed: int = 0, mix: Mix | None = None, classes: int | None = None) -> None:
        if mix is not None and classes is None:
            raise InputError("Collate: a mix makes soft labels: give classes, their number")
        self.op, self.seed, self.mix, self.classes = op, seed, mix, classes

    def __call__(self, samples: Sequence[Any]) -> tuple[Float[Tensor, "n c h w"], Shaped[Tensor, "n *ways"]]:
        """A batch of images, 0 to 1, and labels."""
        if samples and isinstance(samples[0], Addressed.Sample):
            epoch = samples[0].address[0]
            places = " ".join(str(sample.address[1]) for sample in samples)
            generator = seeds.generator(self.seed, "loader", epoch, places)
            samples = [sample.content for sample in samples]
        else:
            generator = seeds.generator(self.seed, "loader", int(torch.randint(2**31, ())))
        try:
            pairs = [(as_float(image), int(label)) for image, label in samples]
        except (TypeError, ValueError) as error:
            raise InputError(f"Collate: {error}: give samples (image, label)") from None
        sizes = {tuple(image.shape) for image, _ in pairs}
        if len(sizes) > 1:
            raise InputError(f"Collate: images of several sizes, {sorted(sizes)[:3]}: bring them to one size first")
        images = torch.stack([image for image, _ in pairs])
        labels = torch.tensor([label for _, label in pairs])
        images = self.op.apply(images, self.op.sample(len(images), generator))
        if self.classes is None:
            return images, labels
        shares = F.one_hot(labels, self.classes).to(images.dtype)
        return (images, shares) if self.mix is None else self.mix(images, shares, generator)


class Addressed(Dataset[Any]):
    """A data set whose samples know which epoch they are drawn for, and their place.

    Args:
        dataset: any with `[place]`.
    """

    class Sample:
        """A sample and its address."""

        def __init__(self, address: Address, content: Any) -> None:  # noqa: ANN401 - whatever the data set holds
            self.address, self.content = address, content

    def __init__(self, dataset: Any) -> None:  # noqa: ANN401 - any data set
        self.dataset = dataset

    def __getitem__(self, address: Address) -> Sample:
        return self.Sample(address, self.dataset[address[1]])

    def __len__(self) -> int:
        return len(self.dataset)


class Addresses(Sampler[Address]):
    """The addresses of one epoch after another, shuffled or in order.

    Args:
        count: items of the data set.
        seed: of the order.
        shuffle: whether each epoch has its own random order.

    Example:
        >>> addresses = Addresses(3, shuffle=False)
        >>> list(addresses), list(addresses)
        ([(0, 0), (0, 1), (0, 2)], [(1, 0), (1, 1), (1, 2)])
    """

    def __init__(self, count: int, seed: int = 0, shuffle: bool = True) -> None:
        self.count, self.seed, self.shuffle = count, seed, shuffle
        self.epoch = 0
        """The next one; set it to go on where a run stopped."""

    def __iter__(self) -> Iterator[Address]:
        epoch, self.epoch = self.epoch, self.epoch + 1
        order = torch.arange(self.count)
        if self.shuffle:
            order = torch.randperm(self.count, generator=seeds.generator(self.seed, "order", epoch))
        return ((epoch, place) for place in order.tolist())

    def __len__(self) -> int:
        return self.count


def loader(
    dataset: Any,  # noqa: ANN401 - any data set
    op: Op,
    batch_size: int,
    *,
    seed: int = 0,
    shuffle: bool = True,
    workers: int = 0,
    mix: Mix | None = None,
    classes: int | None = None,
    **options: Any,  # noqa: ANN401 - the loader's own
) -> DataLoader[Any]:
    """A loader of augmented batches: the same seed gives the same pixels, whatever the number of workers.

    Args:
        dataset: samples are (image, label); an image is a Pillow image, or a tensor `[c, h, w]`, uint8 or 0 to 1.
        op: any op on images.
        batch_size: items a batch.
        seed: of the order and of the draws.
        shuffle: whether each epoch has its own random order.
        workers: processes that read and augment; 0 for this one.
        mix: mixes items and labels, which needs `classes`.
        classes: number of classes; labels become rows of shares.
        **options: of `torch.utils.data.DataLoader`, such as `drop_last` and `persistent_workers`.

    Example:
        >>> from manyshot.augment.image import Affine
        >>> dataset = [(torch.rand(1, 8, 8), place % 3) for place in range(10)]
        >>> [len(images) for images, labels in loader(dataset, Affine(), batch_size=4)]
        [4, 4, 2]
    """
    return DataLoader(
        Addressed(dataset),
        batch_size=batch_size,
        sampler=Addresses(len(dataset), seed, shuffle),
        num_workers=workers,
        collate_fn=Collate(op, seed=seed, mix=mix, classes=classes),
        **options,
    )


def as_float(image: Any) -> Float[Tensor, "c h w"]:  # noqa: ANN401 - a tensor or a Pillow image
    """An image of a data set as a float tensor, 0 to 1.

    Raises:
        TypeError: for anything but a Pillow image or a tensor `[c, h, w]`.
    """
    if isinstance(image, Image.Image):
        return to_image(image if image.mode in ("L", "RGB") else image.convert("RGB"))
    if not isinstance(image, Tensor) or image.ndim != 3:
        what = tuple(image.shape) if isinstance(image, Tensor) else type(image).__name__
        raise TypeError(f"{what} is no Pillow image and no tensor [c, h, w]")
    return image.float() / 255 if image.dtype == torch.uint8 else image
