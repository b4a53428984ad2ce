"""Prints the microseconds of tree_flatten or, given `unflatten`, of tree_unflatten of torch.utils._pytree for a model of
1,000 leaves in 500 layers. Run by scripts/bench.mjs."""

import sys
import time

import torch
from torch.utils import _pytree as pytree


class Linear:
    def __init__(self, weight, bias, sizes):
        self.weight, self.bias, self.sizes = weight, bias, sizes


class Net:
    def __init__(self, layers):
        self.layers = layers


pytree.register_pytree_node(Linear, lambda x: ([x.weight, x.bias], x.sizes), lambda children, sizes: Linear(*children, sizes))
pytree.register_pytree_node(Net, lambda x: ([x.layers], None), lambda children, _: Net(*children))

net = Net([Linear(torch.ones(3, 2), torch.ones(3), (2, 3)) for _ in range(500)])
leaves, structure = pytree.tree_flatten(net)
if sys.argv[1:] == ["unflatten"]:
    run = lambda: pytree.tree_unflatten(leaves, structure)
else:
    run = lambda: pytree.tree_flatten(net)

rounds = 200
for _ in range(rounds // 4):
    run()
started = time.perf_counter_ns()
for _ in range(rounds):
    run()
print((time.perf_counter_ns() - started) / rounds / 1000)
