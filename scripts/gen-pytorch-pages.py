"""Writes scripts/pytorch-pages.txt: for each public ATen name the page of PyTorch's documentation that describes it.

A name counts as documented where Python's object of that name has a docstring of its own. Run it with a Python that
has the same torch as the addon (2.13.0), after scripts/gen-schemas.mjs.
"""

import pathlib
import re

import torch
import torch.nn.functional as functional

root = pathlib.Path(__file__).resolve().parent
ALIASES_IN_FUNCTIONAL = {"sigmoid", "softmax", "tanh"}


def documented(owner, name):
    return bool((getattr(getattr(owner, name, None), "__doc__", None) or "").strip())


def page(name):
    for space in ("linalg", "fft", "special"):
        short = name.removeprefix(space + "_")
        if short != name and documented(getattr(torch, space), short):
            return f"torch.{space}.{short}"
    if name not in ALIASES_IN_FUNCTIONAL and documented(functional, name):
        return f"torch.nn.functional.{name}"
    if documented(torch, name):
        return f"torch.{name}"
    if documented(torch.Tensor, name):
        return f"torch.Tensor.{name}"
    return None


schemas = (root.parent / "lib/ops/schemas.txt").read_text().splitlines()
names = sorted({re.match(r"aten::([A-Za-z]\w*)|", line).group(1) or "" for line in schemas})
lines = [f"{name} {page(name)}" for name in names if name and page(name)]
(root / "pytorch-pages.txt").write_text("\n".join(lines) + "\n")
