"""MAML with a module of one's own: by the learner's own loss, and by clone and adapt as in learn2learn."""

import torch
from torch import nn
from torch.nn import functional as F

import manyshot as ms

torch.manual_seed(0)
model = nn.Sequential(nn.Conv2d(1, 16, 3, stride=4), nn.ReLU(), nn.Flatten(), nn.Linear(16 * 7 * 7, 5))
sampler = ms.EpisodeSampler(ms.load_dataset("glyphs", "greek"), ways=5, shots=1, queries=3)
maml = ms.MAML(model, ways=5, step_size=0.4)
optimizer = torch.optim.Adam(maml.parameters(), lr=1e-2)

for step in range(20):  # the whole loop: four tasks at once
    loss = maml.loss(sampler.batch(4 * step, 4).as_float())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(f"loss after 20 steps: {loss.item():.2f}")

for step in range(20, 25):  # the same by hand, task by task
    optimizer.zero_grad()
    for task in sampler.batch(4 * step, 4).as_float():
        clone = maml.clone()
        clone.adapt(F.cross_entropy(clone(task.support.items[0]), task.support.class_ids[0]))
        (F.cross_entropy(clone(task.query.items[0]), task.query.class_ids[0]) / 4).backward()
    optimizer.step()

tests = ms.EpisodeSampler(ms.load_dataset("digits"), ways=5, shots=1, queries=10)
print(f"digits, after training on Greek letters: {ms.evaluate(maml, tests.batches(40)).mean:.1%}")
