"""Generate new samples from a folder of pictures, each with its provenance, and regenerate one from its record."""

import json
import tempfile
from pathlib import Path

from manyshot import Plan, export, load_dataset
from manyshot.samples.contact_sheet import save_image, to_pil
from manyshot.samples.export_pictures import replay

with tempfile.TemporaryDirectory() as name:
    pictures = Path(name) / "digits"
    digits = load_dataset("digits")
    for c, label in enumerate(digits.class_names):  # two examples of each digit, as a person's own folder
        for number, image in enumerate(digits.gather(range(digits.starts[c], digits.starts[c] + 2))):
            save_image(to_pil(image), pictures / label / f"{number}.png")

    plan = Plan("shots: affine(15, 1.3, 0.3) elastic(0.1)")
    exported = export(pictures, plan, per_class=12, out=Path(name) / "generated", seed=0)
    print(
        sum(exported.generated.values()),
        "samples;",
        "contact sheets:",
        [sheet.name for sheet in exported.sheets[:3]],
        "...",
    )

    line = json.loads(exported.manifest.read_text(encoding="utf-8").splitlines()[0])
    print({key: line[key] for key in ("file", "class", "source", "ops", "seed")})
    print("the same pixels again:", tuple(replay(line, pictures).shape))
