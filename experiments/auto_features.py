"""Features of data sets, of data sets with nuisances, and of their variants under every op of the menu of `auto`.

    python experiments/auto_features.py PACK.zip FOLDER [--kind as-is] [--first 0] [--minutes 18]

PACK comes from `experiments/auto_sets.py`. Each is a file of FOLDER; one that is there is not made again, so a
run that was cut short is continued by the same command. `experiments/auto.py` draws tasks from the files.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from auto_pack import Job, Sets, build_set, family, list_jobs, read_pack
from numpy.typing import NDArray
from torch import Tensor, nn

from manyshot.base.seeds import generator
from manyshot.meta_augment.auto.candidate_ops import OPS, SIDE, VARIANTS, build_ops
from manyshot.nets import ENCODERS

COPIES = 2
"""Variants of each picture under each op."""
POLICIES = ("trivialaugment", "randaugment")
"""Policies without learning to compare with, which make `VARIANTS` of each picture."""


class FastEncoder:
    """A frozen encoder by ONNX Runtime on the CPU, which takes half of torch's time; features agree to 1e-4.

    Args:
        net: The encoder, for pictures of `net.size` pixels.
    """

    def __init__(self, net: nn.Module) -> None:
        import onnxruntime

        self.net = net.eval()
        self.side = self.net.size
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder, "net.onnx"))
            probe = torch.rand(2, 3, self.side, self.side)
            with torch.no_grad():
                torch.onnx.export(
                    self.net,
                    (probe,),
                    path,
                    dynamo=False,
                    input_names=["x"],
                    dynamic_axes={"x": {0: "n"}},
                    opset_version=17,
                )
                self.session = onnxruntime.InferenceSession(path, options)
                difference = (self(probe) - self.net(probe)).abs().max().item()
        assert difference < 1e-4, difference

    def __call__(self, pictures: Tensor) -> Tensor:
        """Features of pictures."""
        if pictures.shape[2] != self.side:
            pictures = torch.nn.functional.interpolate(
                pictures, (self.side, self.side), mode="bilinear", antialias=True
            )
        parts = [self.session.run(None, {"x": part.numpy()})[0] for part in torch.split(pictures, 64)]
        return torch.from_numpy(np.concatenate(parts))


def measure(job: Job, of_set: tuple[Tensor, NDArray[np.int64]], encode: FastEncoder) -> dict[str, NDArray[np.float16]]:
    """Features `[n, d]` of the pictures, and `[rows, n, copies, d]` of their variants under ops and under policies."""
    pictures, _ = of_set
    random = generator(job.seed, 3)

    def variants(rows: tuple[str, ...], copies: int) -> NDArray[np.float16]:
        repeated = pictures.repeat_interleave(copies, 0)
        made = [encode(build_ops(ops)(repeated, random)).half().numpy() for ops in rows]
        return np.stack(made).reshape(len(rows), len(pictures), copies, -1)

    return {
        "plain": encode(pictures).half().numpy(),
        "variants": variants(OPS, COPIES),
        "policies": variants(POLICIES, VARIANTS),
    }


def write_features(
    jobs: list[Job], sets: Sets, encode: FastEncoder, encoder: str, folder: Path, minutes: float = np.inf
) -> None:
    """Write the features of each set that are not there yet, until the time is up.

    Args:
        jobs: The sets.
        sets: From `read_pack`.
        encode: The encoder.
        encoder: What it is called in the results.
        folder: Where to write.
        minutes: After which no further set is begun.
    """
    start = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    for job in jobs:
        path = folder / f"{job.name.replace(' ', '_')}-{job.seed}.npz"
        if path.exists():
            continue
        if time.monotonic() - start > 60 * minutes:
            break
        begun = time.monotonic()
        try:
            data = build_set(job, sets)
            found = measure(job, (data.pictures, data.labels), encode)
        except (RuntimeError, ValueError) as error:
            print(f"{job}: {type(error).__name__}: {error}", flush=True)
            continue
        head = {"set": job.name, "family": family(job.name), "seed": job.seed, "nuisances": list(data.nuisances)}
        head |= {"encoder": encoder}
        kept = path.with_suffix(".part")
        with kept.open("wb") as file:
            small = (data.pictures * 255).round().to(torch.uint8).numpy()
            np.savez(file, head=json.dumps(head), labels=data.labels, pictures=small, **found)
        kept.rename(path)
        print(
            f"{time.monotonic() - start:.0f} s: {head} {len(data.labels)} pictures, {time.monotonic() - begun:.1f} s",
            flush=True,
        )


def main() -> None:
    """Make features until the time is up."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--encoder", default="efficientnet-lite0(resolution=96)")
    parser.add_argument("--kind", choices=("as-is", "nuisances"), default="as-is")
    parser.add_argument("--first", type=int, default=0, help="round to begin with")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--minutes", type=float, default=18.0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    sets = read_pack(given.pack)
    net = ENCODERS.build(given.encoder, channels=3, size=SIDE, norm="batch").folded()
    jobs = list_jobs(sets, given.first, given.rounds, given.kind == "nuisances")
    write_features(jobs, sets, FastEncoder(net), given.encoder, given.folder, given.minutes)


if __name__ == "__main__":
    main()
