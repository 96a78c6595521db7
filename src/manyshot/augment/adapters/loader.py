"""Augmentation in a `torch.utils.data.DataLoader`: batches that do not depend on the number of workers.

Draws are determined by the seed, the epoch and the examples of the batch, not by the state of a worker: the same seed
gives the same pixels with any number of workers, persistent or not, and every epoch draws anew. The sampler runs in
the main process, once per epoch, and passes the epoch to the workers.
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
"""Epoch and index in the data set."""


class Collate:
    """A collate function that stacks (image, label) samples and augments the batch.

    For samples of `AddressedDataset`, draws are determined by the seed, the epoch and the examples. For any other data
    set they depend on the seed and torch's global generator, which a loader seeds for each worker; the pixels then
    depend on the number of workers.

    Args:
        op: Op on images.
        seed: Seed of all draws.
        mix: Mix of images and labels; needs `classes`.
        classes: Number of classes; labels become one-hot or soft rows. None leaves them integers.

    Raises:
        InputError: If there is a mix but no classes; when called, if samples are not (image, label) of one size.

    Example:
        >>> from manyshot.augment.image import Flip
        >>> collate = Collate(Flip(), classes=2)
        >>> images, labels = collate([(torch.zeros(1, 8, 8, dtype=torch.uint8), 0), (torch.ones(1, 8, 8), 1)])
        >>> images.shape, labels.tolist()
        (torch.Size([2, 1, 8, 8]), [[1.0, 0.0], [0.0, 1.0]])
    """

    def __init__(self, op: Op, *, seed: int = 0, mix: Mix | None = None, classes: int | None = None) -> None:
        if mix is not None and classes is None:
            raise InputError("Collate: a mix makes soft labels: give the number of classes")
        self.op, self.seed, self.mix, self.classes = op, seed, mix, classes

    def __call__(self, samples: Sequence[Any]) -> tuple[Float[Tensor, "n c h w"], Shaped[Tensor, "n *ways"]]:
        """Return a batch of images, 0 to 1, and labels."""
        if samples and isinstance(samples[0], AddressedDataset.Sample):
            epoch = samples[0].address[0]
            indices = " ".join(str(sample.address[1]) for sample in samples)
            generator = seeds.generator(self.seed, "loader", epoch, indices)
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
        soft_labels = F.one_hot(labels, self.classes).to(images.dtype)
        return (images, soft_labels) if self.mix is None else self.mix(images, soft_labels, generator)


class AddressedDataset(Dataset[Any]):
    """Data set that adds the epoch and index to each sample.

    Args:
        dataset: Data set with `[index]` and `len`.
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


class EpochSampler(Sampler[Address]):
    """Sampler of (epoch, index) pairs; each pass is the next epoch.

    Args:
        count: Number of samples in the data set.
        seed: Seed of the order.
        shuffle: Whether each epoch has its own random order.

    Example:
        >>> addresses = EpochSampler(3, shuffle=False)
        >>> list(addresses), list(addresses)
        ([(0, 0), (0, 1), (0, 2)], [(1, 0), (1, 1), (1, 2)])
    """

    def __init__(self, count: int, seed: int = 0, shuffle: bool = True) -> None:
        self.count, self.seed, self.shuffle = count, seed, shuffle
        self.epoch = 0
        """Next epoch; set it to resume a run."""

    def __iter__(self) -> Iterator[Address]:
        epoch, self.epoch = self.epoch, self.epoch + 1
        order = torch.arange(self.count)
        if self.shuffle:
            order = torch.randperm(self.count, generator=seeds.generator(self.seed, "order", epoch))
        return ((epoch, index) for index in order.tolist())

    def __len__(self) -> int:
        return self.count


def make_loader(
    dataset: Any,  # noqa: ANN401 - any data set
    op: Op,
    batch_size: int,
    *,
    seed: int = 0,
    shuffle: bool = True,
    num_workers: int = 0,
    mix: Mix | None = None,
    classes: int | None = None,
    **options: Any,  # noqa: ANN401 - options of DataLoader
) -> DataLoader[Any]:
    """Return a loader of augmented batches: the same seed gives the same pixels with any number of workers.

    Args:
        dataset: Data set of (image, label); an image is a Pillow image or a tensor `[c, h, w]`, uint8 or 0 to 1.
        op: Op on images.
        batch_size: Number of examples per batch.
        seed: Seed of the order and of the draws.
        shuffle: Whether each epoch has its own random order.
        num_workers: Number of processes that read and augment; 0 for the main process.
        mix: Mix of images and labels; needs `classes`.
        classes: Number of classes; labels become one-hot or soft rows.
        **options: Further options of `torch.utils.data.DataLoader`, such as `drop_last` and `persistent_workers`.

    Example:
        >>> from manyshot.augment.image import Affine
        >>> dataset = [(torch.rand(1, 8, 8), index % 3) for index in range(10)]
        >>> [len(images) for images, labels in make_loader(dataset, Affine(), batch_size=4)]
        [4, 4, 2]
    """
    return DataLoader(
        AddressedDataset(dataset),
        batch_size=batch_size,
        sampler=EpochSampler(len(dataset), seed, shuffle),
        num_workers=num_workers,
        collate_fn=Collate(op, seed=seed, mix=mix, classes=classes),
        **options,
    )


def as_float(image: Any) -> Float[Tensor, "c h w"]:  # noqa: ANN401 - a tensor or a Pillow image
    """Convert an image of a data set to a float tensor, 0 to 1.

    Raises:
        TypeError: If it is neither a Pillow image nor a tensor `[c, h, w]`.
    """
    if isinstance(image, Image.Image):
        return to_image(image if image.mode in ("L", "RGB") else image.convert("RGB"))
    if not isinstance(image, Tensor) or image.ndim != 3:
        what = tuple(image.shape) if isinstance(image, Tensor) else type(image).__name__
        raise TypeError(f"{what} is neither a Pillow image nor a tensor [c, h, w]")
    return image.float() / 255 if image.dtype == torch.uint8 else image
