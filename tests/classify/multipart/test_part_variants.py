"""Variants of examples of several parts: each op on the part of its kind, each part encoded by its content."""

import numpy as np
import pytest
import torch

from manyshot.classify.multipart.part_encoding import encode_parted
from manyshot.classify.multipart.part_variants import check_parts_plan, encode_variants
from manyshot.classify.multipart.parted_examples import load_parted
from manyshot.datasets.sound_files import encode_wav

ENCODERS = {"text": "ngrams", "sound": "speech"}


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("livekit")
    folder = tmp_path_factory.mktemp("sounds")
    time = torch.arange(12_000) / 16_000
    for number in range(2):
        tone = (8000 * torch.sin(2 * torch.pi * 300 * (number + 1) * time)).to(torch.int16)
        (folder / f"{number}.wav").write_bytes(encode_wav(tone[None], 16_000))
    rows = ["a,0.wav,it purrs on the left,3", "b,1.wav,it barks on the right,", "a,,it meows,4", "b,1.wav,,"]
    (folder / "table.csv").write_text("\n".join(["label,sound,text,size", *rows]), encoding="utf-8")
    return load_parted(folder / "table.csv", kinds={"sound": "sounds", "text": "texts", "size": "features"})


def test_only_the_part_of_an_op_changes(examples):
    plain = encode_parted(examples, ENCODERS)
    varied = encode_variants(examples, ENCODERS, "pitch(3)", 2)
    again = plain[torch.arange(4).repeat_interleave(2)]
    assert torch.equal(varied["text"], again["text"])
    assert torch.equal(varied["numbers"], again["numbers"])
    for name in plain.names:
        assert torch.equal(varied.there[name], again.there[name])
    present = varied.there["sound"]
    assert float((varied["sound"] - again["sound"])[present].abs().amax(1).min()) > 0
    assert float(varied["sound"][~present].abs().max()) == 0


def test_a_variant_depends_on_its_example_alone(examples):
    varied = encode_variants(examples, ENCODERS, "typos drop(0.5) hiss(10)", 3, seed=1)
    few = encode_variants(examples.select([1]), ENCODERS, "typos drop(0.5) hiss(10)", 2, seed=1)
    for name in varied.names:
        assert torch.equal(few[name], varied[name][3:5])
        assert torch.equal(few.there[name], varied.there[name][3:5])
    lost = np.array([int((~varied.there[name]).sum()) for name in ("sound", "text")])
    assert (lost > 3).any()  # three of each are missing in any case


@pytest.mark.parametrize(
    ("plan", "message"), [("flip", "Flip: changes images"), ("swap_within_class", "mixes"), ("none of it", "unknown")]
)
def test_plans_that_cannot_be_used_are_refused_at_once(examples, plan, message):
    with pytest.raises(ValueError, match=message):
        check_parts_plan(examples, ENCODERS, plan)
