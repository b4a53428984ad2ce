"""Prints the milliseconds of a training step of mnist_torch.py on random data. Run by scripts/bench.mjs."""

import time

import torch
from mnist_torch import network
from torch import nn

ROUNDS = 200

torch.manual_seed(0)
x = torch.randn(64, 1, 28, 28)
y = torch.arange(64) % 10
model = network()
optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-4)
criterion = nn.NLLLoss()


def step() -> None:
    optimiser.zero_grad()
    criterion(model(x), y).backward()
    optimiser.step()


for _ in range(50):
    step()
started = time.perf_counter()
for _ in range(ROUNDS):
    step()
print((time.perf_counter() - started) / ROUNDS * 1e3)
