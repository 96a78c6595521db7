"""Prototypical networks in a plain PyTorch loop: our tasks and augmentation, a network and loss of one's own."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

import manyshot as ms

torch.manual_seed(0)
net = nn.Sequential(nn.Conv2d(1, 32, 3, stride=4), nn.ReLU(), nn.Flatten(), nn.Linear(32 * 7 * 7, 64))
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
plan = ms.Plan("task: turn; support+query: affine(15) elastic(0.1)")
sampler = ms.EpisodeSampler(ms.load_dataset("glyphs", "greek"), ways=5, shots=1, queries=3, length=100)

for task in DataLoader(sampler, shuffle=True):  # batch_size=1: an episode of one task
    task = plan(task)
    prototypes = net(task.support.items[0])  # one shot, so that the prototypes are the features themselves
    logits = -torch.cdist(net(task.query.items[0]), prototypes).square()
    loss = F.cross_entropy(logits, task.query.class_ids[0])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

tests = ms.EpisodeSampler(ms.load_dataset("digits"), ways=5, shots=1, queries=10)
print(f"digits, after training on Greek letters: {ms.evaluate(ms.Prototypes(net), tests.batches(40)).mean:.1%}")
