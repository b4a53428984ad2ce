"""Prints the nanoseconds of a small eager `add` from Python. Run by scripts/bench.mjs; made for torch 2.13.0."""

import time

import torch

ROUNDS = 200_000
x = torch.tensor([1.0, 2.0, 3.0])
y = torch.tensor([4.0, 5.0, 6.0])
for _ in range(ROUNDS // 4):
    x.add(y)
started = time.perf_counter_ns()
for _ in range(ROUNDS):
    x.add(y)
print((time.perf_counter_ns() - started) / ROUNDS)
