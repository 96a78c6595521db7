"""MNIST: our DCGAN beside a textbook loop at equal CPU time, and what a conditional GAN of few digits is worth.

The textbook loop has the layout of the common tutorials: batch normalisation, labels of 1 and 0 with binary
cross-entropy, real and made pictures in passes of their own. Writes results/gan_mnist.json; runs that are there are
used.

    python experiments/gan_mnist.py --root DATA
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from circumstances import write
from classifier import accuracy, best_given
from torch import nn

from manyshot.augment import Plan
from manyshot.datasets import load
from manyshot.generate.judge import kernel_distance, precision_recall
from manyshot.generate.made_source import made_items
from manyshot.tasks import Source
from manyshot.training import Config, Settings, encode, load_run, paired_difference, train
from manyshot.training.generator_config import GeneratorConfig, GeneratorSettings, load_generator_sources
from manyshot.training.generator_run import GeneratorRun, load_generator_run, train_generator
from manyshot.training.timing import cpu_seconds

SEEDS = (0, 1, 2)
FEW = (10, 50, 100)
SEEN = "support: affine(15) elastic(0.1)"
"""What the discriminator sees augmented."""


def textbook(source: Source, seconds: float, seed: int) -> tuple[nn.Module, int]:
    """A DCGAN of the common layout, trained for so many CPU seconds; returns its generator and the steps it took."""
    torch.manual_seed(seed)
    generator = nn.Sequential(
        *(nn.ConvTranspose2d(100, 128, 7, 1, 0, bias=False), nn.BatchNorm2d(128), nn.ReLU(True)),
        *(nn.ConvTranspose2d(128, 64, 4, 2, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU(True)),
        *(nn.ConvTranspose2d(64, 1, 4, 2, 1, bias=False), nn.Tanh()),
    )
    discriminator = nn.Sequential(
        *(nn.Conv2d(1, 64, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, inplace=True)),
        *(nn.Conv2d(64, 128, 4, 2, 1, bias=False), nn.BatchNorm2d(128), nn.LeakyReLU(0.2, inplace=True)),
        *(nn.Conv2d(128, 1, 7, 1, 0, bias=False), nn.Flatten(0), nn.Sigmoid()),
    )
    for part in (generator, discriminator):
        for module in part.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.normal_(module.weight, 0.0, 0.02)
    criterion = nn.BCELoss()
    sides = [torch.optim.Adam(part.parameters(), lr=2e-4, betas=(0.5, 0.999)) for part in (discriminator, generator)]
    began, steps = time.process_time(), 0
    while time.process_time() - began < seconds:
        real = source.gather(torch.randint(len(source), (64,)).numpy()).float() / 127.5 - 1
        made = generator(torch.randn(64, 100, 1, 1))
        discriminator.zero_grad()
        criterion(discriminator(real), torch.ones(64)).backward()
        criterion(discriminator(made.detach()), torch.zeros(64)).backward()
        sides[0].step()
        generator.zero_grad()
        criterion(discriminator(made), torch.ones(64)).backward()
        sides[1].step()
        steps += 1
    return generator.eval(), steps


def trained(config: GeneratorConfig, folder: Path) -> GeneratorRun:
    """The run of the folder, which is trained if it is not there, or goes on where it was stopped."""
    if not (folder / "config.json").exists() or load_generator_run(folder).steps < config.fit.steps:
        train_generator(config, folder, resume=(folder / "config.json").exists(), title=folder.name)
    return load_generator_run(folder)


def main() -> None:
    """Train, judge, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", default="data", help="the folder that holds mnist/")
    parser.add_argument("--runs", default="runs/gan_mnist", help="where the trainings lie")
    parser.add_argument("--tiny", action="store_true", help="a few steps of everything, to see that it runs; no result")
    options = parser.parse_args()
    runs, tiny = Path(options.runs), options.tiny
    steps, few_steps, classifier_steps = (4, 4, 4) if tiny else (20_000, 6_000, 3_000)
    seeds, few = ((0,), (10,)) if tiny else (SEEDS, FEW)
    items = 200 if tiny else 4000

    if not (runs / "encoder" / "config.json").exists():
        settings = Settings(steps=4 if tiny else 3000)
        train(Config("mnist", root=options.root, learner="probe", validation=0.0, fit=settings), runs / "encoder")
    encoder, _ = load_run(runs / "encoder").learner.on_features()
    test = load("mnist", "test", root=options.root)
    test = test.split((0.02, 0.98), seed=0, by="item")[0] if tiny else test

    def judged(pictures: torch.Tensor, seed: int) -> dict[str, float]:
        at = torch.randperm(len(test), generator=torch.Generator().manual_seed(seed))[:items].numpy()
        real = encode(encoder, Source.of(test.gather(at), ["real"] * items)).store
        made = encode(encoder, Source.of(pictures.clamp(0, 1), ["made"] * items)).store
        found = precision_recall(real, made)
        distance = kernel_distance(real, made)
        return {"kernel_distance": distance, "precision": found.precision, "recall": found.recall}

    whole: dict[str, list[dict]] = {"ours": [], "textbook": []}
    for seed in seeds:
        fit = GeneratorSettings(steps=steps, look_every=max(2, steps // 10), seed=seed)
        config = GeneratorConfig("mnist", root=options.root, model="dcgan(64)", fit=fit)
        run = trained(config, runs / f"all-{seed}")
        draws = torch.Generator().manual_seed(seed)
        seconds = cpu_seconds(runs / f"all-{seed}")
        with torch.no_grad():
            made = run.model.sample(items, generator=draws)
        whole["ours"].append(judged(made, seed) | {"cpu_seconds": seconds, "steps": steps})
        other, taken = textbook(load("mnist", root=options.root), seconds, seed)
        with torch.no_grad():
            made = torch.cat([other(torch.randn(100, 100, 1, 1, generator=draws)) for _ in range(items // 100)])
        whole["textbook"].append(judged((made + 1) / 2, seed) | {"cpu_seconds": seconds, "steps": taken})
        print(seed, whole["ours"][-1], whole["textbook"][-1], flush=True)

    by_size = {}
    for per_class in few:
        right: dict[str, list[np.ndarray]] = {"nothing": [], "given": [], "made": [], "made and given": []}
        for seed in seeds:
            fit = GeneratorSettings(steps=few_steps, look_every=max(2, few_steps // 6), adapt=0.6, seed=seed)
            config = GeneratorConfig(
                "mnist",
                root=options.root,
                model="conditional(32)",
                plan=SEEN,
                per_class=per_class,
                validation=0.001 if tiny else 0.05,
                fit=fit,
            )
            run = trained(config, runs / f"few-{per_class}-{seed}")
            parts = load_generator_sources(config, "label")
            real = parts.training
            if seed == seeds[0]:
                given = best_given(real, parts.validation, seed, classifier_steps)
            op = Plan.parse(given).item_op()
            made = made_items(run.model, real, 20 if tiny else 1000, seed, run.class_names)
            for arm, more, changed in (
                ("nothing", None, None),
                ("given", None, op),
                ("made", made, None),
                ("made and given", made, op),
            ):
                right[arm].append(accuracy(real, more, test, changed, seed, classifier_steps))
        stacked = {arm: np.stack(rows) for arm, rows in right.items()}
        by_size[str(per_class)] = {
            "given": given,
            "accuracy": {arm: float(rows.mean()) for arm, rows in stacked.items()},
            "against nothing": {
                arm: paired_difference(rows, stacked["nothing"]).as_dict() for arm, rows in stacked.items()
            },
            "both against given": paired_difference(stacked["made and given"], stacked["given"]).as_dict(),
        }
        print(per_class, by_size[str(per_class)], flush=True)
    if not tiny:
        write("gan_mnist", {"command": "python experiments/gan_mnist.py", "seeds": seeds, "all": whole, "few": by_size})


if __name__ == "__main__":
    main()
