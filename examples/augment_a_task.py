"""Augment a batch of tasks by a plan, and look at the first one."""

import torch

from manyshot import EpisodeSampler, Plan, load_dataset
from manyshot.samples.contact_sheet import SheetRow, draw_sheet, save_image

plain = EpisodeSampler(load_dataset("glyphs", "greek"), ways=5, shots=1, queries=5, seed=1).batch(0, 8)

# Turned letters as new classes; then a random deformation of each example; then three more shots per support example.
plan = Plan("task: turn; support+query: affine(20) elastic(0.07); shots: 3 x stroke(1)")
changed = plan.apply(plain, torch.Generator().manual_seed(0))

print("support before and after:", tuple(plain.support.items.shape), tuple(changed.support.items.shape))
print("generated from support example:", changed.support.origin[0].tolist())
print("weights:", changed.support.weight[0].tolist())

rows = [
    SheetRow("support", plain.support.items[0]),
    SheetRow("augmented", changed.support.items[0]),
    SheetRow("query", plain.query.items[0][:20]),
    SheetRow("augmented", changed.query.items[0][:20]),
]
save_image(draw_sheet(rows, title=str(plan), paper=True), "task.png")
print("look at task.png")
