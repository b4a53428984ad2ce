"""The workloads of lib/bench/workloads in PyTorch: `torch_peer.py eager|compile WORKLOAD FILE SETTINGS`.

Each is written as a user of PyTorch would write it, starts from the parameters in FILE, and gives the same numbers.
Modules define their parameters in the order of the leaves of Equinode's models. Made for torch 2.13.0.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor

import torch
from protocol import read_start, serve
from torch import nn
from torch.nn import functional as F

compiled = sys.argv[1] == "compile"
name, file, settings = sys.argv[2], sys.argv[3], json.loads(sys.argv[4])
parameters, inputs = read_start(file)
parameters = [torch.from_numpy(value) for value in parameters]
inputs = {key: torch.from_numpy(value) for key, value in inputs.items()}


def maybe_compile(function):
    return torch.compile(function) if compiled else function


def started(model):
    """The model with the parameters of the file."""
    own = [parameter for parameter in model.parameters() if parameter.requires_grad]
    assert len(own) == len(parameters), (len(own), len(parameters))
    with torch.no_grad():
        for parameter, value in zip(own, parameters):
            parameter.copy_(value.reshape(parameter.shape))
    return model


def training(model, loss_of, make_optimiser):
    model = started(model)
    optimiser = make_optimiser(model.parameters())

    def whole():
        optimiser.zero_grad()
        loss = loss_of(model)
        loss.backward()
        optimiser.step()
        return loss

    step = maybe_compile(whole) if compiled else whole
    return lambda: [step().item()], step


def adamw(of):
    return torch.optim.AdamW(of, lr=1e-3, weight_decay=1e-4)


def mean_squares(model):
    return F.mse_loss(model(inputs["x"]), inputs["y"])


def linears(sizes, activations):
    layers = []
    for i, (start, end) in enumerate(zip(sizes, sizes[1:])):
        layers.append(nn.Linear(start, end))
        if i < len(activations):
            layers.append(activations[i])
    return nn.Sequential(*layers)


def mnist_network():
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


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width)
        self.query, self.key, self.value, self.output = (nn.Linear(width, width, bias=False) for _ in range(4))
        self.norm2 = nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        normed = self.norm1(x)
        split = lambda y: y.unflatten(-1, (self.heads, -1)).transpose(-3, -2)
        attended = F.scaled_dot_product_attention(
            split(self.query(normed)), split(self.key(normed)), split(self.value(normed))
        )
        x = x + self.output(attended.transpose(-3, -2).flatten(-2))
        return x + self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh"))


def transformer():
    return nn.Sequential(*(Block(settings["width"], settings["heads"]) for _ in range(settings["layers"])))


class BasicBlock(nn.Module):
    def __init__(self, start, end, stride):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(start, end, 3, stride, 1, bias=False), nn.BatchNorm2d(end)
        self.conv2, self.norm2 = nn.Conv2d(end, end, 3, 1, 1, bias=False), nn.BatchNorm2d(end)
        self.short = None
        if stride != 1 or start != end:
            self.short = nn.Sequential(nn.Conv2d(start, end, 1, stride, bias=False), nn.BatchNorm2d(end))

    def forward(self, x):
        y = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        return F.relu(y + (x if self.short is None else self.short(x)))


def resnet():
    layers = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    start = 64
    for end, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        layers += [BasicBlock(start, end, stride), BasicBlock(end, end, 1)]
        start = end
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


class Gru(nn.Module):
    """nn.GRU with Equinox's biases: of the hidden ones only that of the new state is trained."""

    def __init__(self, features, hidden):
        super().__init__()
        self.gru = nn.GRU(features, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, 1)
        with torch.no_grad():
            w_ih, w_hh, bias, bias_n, weight, end = parameters
            self.gru.weight_ih_l0.copy_(w_ih)
            self.gru.weight_hh_l0.copy_(w_hh)
            self.gru.bias_ih_l0.copy_(bias)
            self.gru.bias_hh_l0.copy_(torch.cat([torch.zeros(2 * hidden), bias_n]))
            self.linear.weight.copy_(weight)
            self.linear.bias.copy_(end)
        trained = torch.cat([torch.zeros(2 * hidden), torch.ones(hidden)])
        self.gru.bias_hh_l0.register_hook(lambda grad: grad * trained)

    def forward(self, x):
        return self.linear(self.gru(x)[0][:, -1]).squeeze(-1)


class Lstm(nn.Module):
    """nn.LSTM with one bias, as Equinox's cell has it."""

    def __init__(self, features, hidden):
        super().__init__()
        self.lstm = nn.LSTM(features, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, 1)
        nn.init.zeros_(self.lstm.bias_hh_l0)
        self.lstm.bias_hh_l0.requires_grad_(False)

    def forward(self, x):
        return self.linear(self.lstm(x)[0].mean(1)).squeeze(-1)


def recurrent(model):
    loss = lambda model: F.binary_cross_entropy_with_logits(model(inputs["x"]), inputs["y"])
    optimiser = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=3e-3)

    def whole():
        optimiser.zero_grad()
        value = loss(model)
        value.backward()
        optimiser.step()
        return value

    step = maybe_compile(whole)
    return lambda: [step().item()], step


def inference(model):
    model = started(model).eval()
    run = maybe_compile(model)
    x = inputs["x"]

    @torch.inference_mode()
    def answer(_=None):
        return run(x)

    callers = settings.get("callers")
    step = answer
    if callers is not None:
        pool = ThreadPoolExecutor(callers)
        step = lambda: list(pool.map(answer, range(callers)))
    return lambda: [answer().sum().item()], step


def call():
    leaves = tuple(torch.randn(2) for _ in range(settings["leafCount"]))
    identity = maybe_compile(lambda leaves: leaves)
    return lambda: [len(identity(leaves))], lambda: identity(leaves)


def eager_add():
    a, b = inputs["a"], inputs["b"]

    def step():
        for _ in range(1000):
            torch.add(a, b)

    return lambda: torch.add(a, b).tolist(), step


def per_sample():
    model = started(linears([784, 128, 10], [nn.Tanh()]))
    state = {key: value.detach() for key, value in model.named_parameters()}

    def loss(state, x, y):
        return (torch.func.functional_call(model, state, (x,)) - y).square().sum()

    gradients = maybe_compile(torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0)))
    step = lambda: gradients(state, inputs["x"], inputs["y"])
    return lambda: [step()["0.weight"].square().sum().sqrt().item()], step


def hessian():
    size, width = settings["inSize"], settings["width"]

    def loss(w):
        first, bias, last, end = w.split([size * width, width, width, 1])
        hidden = torch.tanh(inputs["x"] @ first.reshape(size, width) + bias)
        return (hidden @ last + end).square().mean()

    second = maybe_compile(torch.func.hessian(loss))
    step = lambda: second(inputs["w"])
    return lambda: [step().square().sum().sqrt().item()], step


workloads = {
    "call": call,
    "eager-add": eager_add,
    "mlp-small": lambda: training(
        linears([16, 32, 32, 4], [nn.Tanh(), nn.GELU(approximate="tanh")]),
        mean_squares,
        lambda of: torch.optim.SGD(of, lr=1e-2),
    ),
    "mlp-mnist": lambda: training(linears([784, 512, 512, 10], [nn.ReLU(), nn.ReLU()]), mean_squares, adamw),
    "cnn": lambda: training(mnist_network(), lambda model: F.nll_loss(model(inputs["x"]), inputs["y"]), adamw),
    "resnet": lambda: training(resnet(), lambda model: F.cross_entropy(model(inputs["x"]), inputs["y"]), adamw),
    "gru": lambda: recurrent(Gru(2, 16)),
    "lstm": lambda: recurrent(started(Lstm(64, 128))),
    "transformer": lambda: training(transformer(), mean_squares, adamw),
    "per-sample": per_sample,
    "hessian": hessian,
    "cnn-inference": lambda: inference(mnist_network()),
    "cnn-served": lambda: inference(mnist_network()),
    "transformer-inference": lambda: inference(transformer()),
    "transformer-served": lambda: inference(transformer()),
}

serve(workloads[name])
