"""Prints the milliseconds that torch.rand takes for a million numbers. Run by scripts/bench.mjs."""

import time

import torch

ROUNDS = 50
for _ in range(ROUNDS // 4):
    torch.rand(1_000_000)
started = time.perf_counter()
for _ in range(ROUNDS):
    torch.rand(1_000_000)
print((time.perf_counter() - started) * 1e3 / ROUNDS)
