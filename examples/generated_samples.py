"""Generate new samples from a folder of pictures, each with its provenance, and regenerate one from its record."""

import json
import tempfile
from pathlib import Path

from manyshot import Plan, export, load_dataset
from manyshot.samples.contact_sheet import save, to_pillow
from manyshot.samples.export_pictures import replay

with tempfile.TemporaryDirectory() as name:
    pictures = Path(name) / "digits"
    digits = load_dataset("digits")
    for c, label in enumerate(digits.class_names):  # two examples of each digit, as a person's own folder
        for number, image in enumerate(digits.gather(range(digits.starts[c], digits.starts[c] + 2))):
            save(to_pillow(image), pictures / label / f"{number}.png")

    plan = Plan("shots: affine(15, 1.3, 0.3) elastic(0.1)")
    made = export(pictures, plan, per_class=12, out=Path(name) / "made", seed=0)
    print(sum(made.made.values()), "samples;", "contact sheets:", [sheet.name for sheet in made.sheets[:3]], "...")

    line = json.loads(made.manifest.read_text(encoding="utf-8").splitlines()[0])
    print({key: line[key] for key in ("file", "class", "source", "ops", "seed")})
    print("the same pixels again:", tuple(replay(line, pictures).shape))
