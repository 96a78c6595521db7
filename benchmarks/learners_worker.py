"""A process that takes second-order MAML steps by one library; `learners.py` starts one a row and asks it in turn.

Every library is given the same network, the same weights and the same tasks. Answers are lines of JSON.
"""

import argparse
import importlib
import importlib.metadata
import json
import resource
import sys
import time
import types
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from manyshot.learners import MAML
from manyshot.nets import Conv4
from manyshot.runtime.memory import keep_freed_memory
from manyshot.tasks import Episode, Examples

WAYS, QUERIES, SIZE, BLOCKS, STEP_SIZE = 5, 15, 28, 4, 0.4

Weights = list[Tensor]
"""For each block convolution, scale and shift; then the last layer's matrix and bias."""


def weights(width: int, dtype: torch.dtype) -> Weights:
    """The same for every library; scales and shifts are away from 1 and 0, so that none can hide."""
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int, scale: float = 1.0) -> Tensor:
        return scale * torch.randn(shape, generator=generator, dtype=torch.float64)

    result = []
    for before in (1, *[width] * (BLOCKS - 1)):
        result += [draw(width, before, 3, 3, scale=(9 * before) ** -0.5)]
        result += [1 + draw(width, scale=0.1), draw(width, scale=0.1)]
    result += [draw(WAYS, width, scale=width**-0.5), draw(WAYS, scale=0.1)]
    return [weight.to(dtype) for weight in result]


def episode(tasks: int, dtype: torch.dtype) -> Episode:
    """5-way 1-shot 15-query tasks of 28 x 28 images: noisy copies of a picture a class."""
    generator = torch.Generator().manual_seed(1)
    centers = torch.rand(tasks, WAYS, 1, 1, SIZE, SIZE, generator=generator, dtype=torch.float64)

    def side(each: int) -> Examples:
        noise = torch.randn(tasks, WAYS, each, 1, SIZE, SIZE, generator=generator, dtype=torch.float64)
        labels = torch.eye(WAYS, dtype=dtype).repeat_interleave(each, 0)
        return Examples(
            (centers + 0.3 * noise).flatten(1, 2).to(dtype),
            labels.expand(tasks, -1, -1),
            torch.ones(tasks, WAYS * each, dtype=dtype),
            torch.ones(tasks, WAYS, dtype=torch.bool),
        )

    return Episode(side(1), side(QUERIES), torch.arange(WAYS).expand(tasks, -1))


class Pooled(nn.Module):
    """ReLU after pooling instead of before it: the same numbers, on a quarter of the pixels, as our encoder has it."""

    def forward(self, x: Tensor) -> Tensor:
        """Pool and rectify."""
        return F.max_pool2d(x, 2).relu()


def network(width: int, dtype: torch.dtype, pooled_first: bool = False) -> nn.Sequential:
    """The usual Conv4 of torch's own modules; batch normalization by the statistics of the batch at hand."""
    layers: list[nn.Module] = []
    for before in (1, *[width] * (BLOCKS - 1)):
        layers += [nn.Conv2d(before, width, 3, padding=1, bias=False)]
        layers += [nn.BatchNorm2d(width, track_running_stats=False)]
        layers += [Pooled()] if pooled_first else [nn.ReLU(), nn.MaxPool2d(2)]
    model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(width, WAYS)).to(dtype)
    load(model.parameters(), weights(width, dtype))
    return model


def load(parameters: "object", values: Weights) -> None:
    """Fill in the weights, in their order."""
    for parameter, value in zip(parameters, values, strict=True):
        parameter.data.copy_(value)


Step = Callable[[], list[Tensor]]
"""One outer step: the gradient of the mean query loss by the weights, in their order."""


def ours(width: int, steps: int, tasks: Episode, dtype: torch.dtype, _: Path | None, device="cpu") -> Step:
    """`manyshot.learners.MAML`."""
    body = Conv4(1, SIZE, [width] * BLOCKS, norm="query")
    model = nn.Sequential(body, nn.Linear(width, WAYS)).to(device, dtype)
    blocks = zip(body.convolutions, body.norms, strict=True)
    ordered = [weight for conv, norm in blocks for weight in (conv.weight, norm.weight, norm.bias)]
    ordered += list(model[1].parameters())
    load(ordered, weights(width, dtype))
    learner = MAML(model, WAYS, STEP_SIZE, steps)

    def step() -> list[Tensor]:
        learner.zero_grad()
        learner.loss(tasks).backward()
        return [parameter.grad for parameter in ordered]

    return step


def plain(
    width: int, steps: int, tasks: Episode, dtype: torch.dtype, _: Path | None, pooled_first=False, device="cpu"
) -> Step:
    """A loop over tasks by `torch.func.functional_call`."""
    model = network(width, dtype, pooled_first).to(device)

    def step() -> list[Tensor]:
        model.zero_grad()
        for support, target, query, answer in one_by_one(tasks):
            parameters = dict(model.named_parameters())
            for _ in range(steps):
                loss = F.cross_entropy(functional_call(model, parameters, (support,)), target)
                grads = torch.autograd.grad(loss, list(parameters.values()), create_graph=True)
                pairs = zip(parameters.items(), grads, strict=True)
                parameters = {name: value - STEP_SIZE * slope for (name, value), slope in pairs}
            (F.cross_entropy(functional_call(model, parameters, (query,)), answer) / len(tasks)).backward()
        return [parameter.grad for parameter in model.parameters()]

    return step


def plain_pooled_first(width: int, steps: int, tasks: Episode, dtype: torch.dtype, _: Path | None) -> Step:
    """The same with pooling before the ReLU."""
    return plain(width, steps, tasks, dtype, _, pooled_first=True)


def learn2learn(width: int, steps: int, tasks: Episode, dtype: torch.dtype, folder: Path | None) -> Step:
    """`learn2learn.algorithms.MAML`: its file alone, because the package as a whole does not import here."""
    if folder is None:
        raise ImportError("give the folder of its source by --learn2learn")
    for name in ("learn2learn", "learn2learn.algorithms"):
        package = types.ModuleType(name)
        package.__path__ = [str(folder.joinpath(*name.split(".")))]
        sys.modules[name] = package
    library = importlib.import_module("learn2learn.algorithms.maml")
    model = network(width, dtype)
    maml = library.MAML(model, lr=STEP_SIZE, first_order=False)

    def step() -> list[Tensor]:
        maml.zero_grad()
        for support, target, query, answer in one_by_one(tasks):
            clone = maml.clone()
            for _ in range(steps):
                clone.adapt(F.cross_entropy(clone(support), target))
            (F.cross_entropy(clone(query), answer) / len(tasks)).backward()
        return [parameter.grad for parameter in model.parameters()]

    return step


def higher(width: int, steps: int, tasks: Episode, dtype: torch.dtype, _: Path | None) -> Step:
    """`higher.innerloop_ctx`."""
    library = importlib.import_module("higher")
    model = network(width, dtype)
    optimizer = torch.optim.SGD(model.parameters(), lr=STEP_SIZE)

    def step() -> list[Tensor]:
        model.zero_grad()
        for support, target, query, answer in one_by_one(tasks):
            with library.innerloop_ctx(model, optimizer, copy_initial_weights=False) as (inner, inner_optimizer):
                for _ in range(steps):
                    inner_optimizer.step(F.cross_entropy(inner(support), target))
                (F.cross_entropy(inner(query), answer) / len(tasks)).backward()
        return [parameter.grad for parameter in model.parameters()]

    return step


ROWS: dict[str, Callable[[int, int, Episode, torch.dtype, Path | None], Step]] = {
    "manyshot": ours,
    "learn2learn": learn2learn,
    "higher": higher,
    "plain loop": plain,
    "plain loop, pooled first": plain_pooled_first,
}


def one_by_one(tasks: Episode):
    """Support, its classes, query, its classes of each task."""
    return zip(tasks.support.items, tasks.support.class_ids, tasks.query.items, tasks.query.class_ids, strict=True)


def version(name: str) -> str | None:
    """Of an installed package."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def resident() -> float:
    """MiB that the process holds at this moment."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


def peak() -> float:
    """MiB that it held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def main() -> None:
    """Answer until the input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("row", choices=ROWS)
    for name in ("width", "steps", "tasks", "threads"):
        parser.add_argument(name, type=int)
    parser.add_argument("--learn2learn", type=Path)
    parser.add_argument("--gradient", type=Path, help="write the gradient in double precision to this file, and end")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    keep_freed_memory()
    dtype = torch.float32 if arguments.gradient is None else torch.float64
    tasks = episode(arguments.tasks, dtype)
    try:
        step = ROWS[arguments.row](arguments.width, arguments.steps, tasks, dtype, arguments.learn2learn)
    except ImportError as error:
        print(json.dumps({"failed": str(error)}), flush=True)
        return
    if arguments.gradient is not None:
        torch.save([slope.detach() for slope in step()], arguments.gradient)
        return
    versions = {name: version(name) for name in ("torch", "numba", "higher")}
    print(json.dumps({"versions": versions}), flush=True)
    tiny = episode(1, dtype)
    first = replace(
        tiny,
        query=replace(
            tiny.query, items=tiny.query.items[:, :2], labels=tiny.query.labels[:, :2], weight=tiny.query.weight[:, :2]
        ),
    )
    ROWS[arguments.row](4, 1, first, dtype, arguments.learn2learn)()  # code is loaded, kernels are compiled
    before = resident()
    for _ in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        step()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        print(json.dumps({"wall": wall, "cpu": cpu, "memory": peak() - before}), flush=True)


if __name__ == "__main__":
    main()
