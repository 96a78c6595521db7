"""What samples for a new five-way task cost, in CPU seconds of one thread. Writes results/new_task_cost.json.

OMP_NUM_THREADS=1 python experiments/new_task_cost.py
"""

import time

import torch
from run_and_record import write

from manyshot.learners import Prototypes, Ridge
from manyshot.meta_augment import AUGMENTERS
from manyshot.meta_augment.tailor import tailor
from manyshot.nets import Conv4

WAYS, PER_CLASS, REPEATS, ADAPT_STEPS = 5, 20, 5, 5
CASES = (
    ("deformation", (1, 28), "items"),
    ("policy(drawings)", (1, 28), "items"),
    ("policy(photographs)", (3, 84), "items"),
    ("hallucinator", (1, 28), "features"),
    ("hallucinator", (3, 84), "features"),
)


def main() -> None:
    """Measure and write. What an augmenter has learned plays no part in what it costs."""
    torch.set_num_threads(1)
    rows = []
    for text, (channels, size), space in CASES:
        encoder = Conv4(channels, size)
        learner = (Ridge if space == "features" else Prototypes)(encoder).eval()
        shape = (encoder.features,) if space == "features" else (channels, size, size)
        augmenter = AUGMENTERS.parse(text).build(shape=shape).eval()
        one = torch.rand(WAYS, channels, size, size)
        two = one.repeat_interleave(2, 0)

        def made(images: torch.Tensor, steps: int, augmenter=augmenter, learner=learner) -> float:
            labels = [index * WAYS // len(images) for index in range(len(images))]
            began = time.process_time()
            tailor(augmenter, learner, images, labels, PER_CLASS, adapt_steps=steps)
            return time.process_time() - began

        made(one, 0)  # what is loaded at the first call is no part of the cost
        seconds = sorted(made(one, 0) for _ in range(REPEATS))[REPEATS // 2]
        row = {"augmenter": text, "pictures": f"{size} x {size} x {channels}", "cpu_seconds": seconds}
        rows.append(row | {"cpu_seconds_with_adaptation": made(two, ADAPT_STEPS)})
        print(rows[-1], flush=True)
    output = {"ways": WAYS, "per_class": PER_CLASS, "adapt_steps": ADAPT_STEPS, "adaptation_shots": 2}
    write("new_task_cost", output | {"rows": rows})


if __name__ == "__main__":
    main()
