"""The workloads of lib/bench/workloads in JAX with Equinox and Optax: `jax_peer.py WORKLOAD FILE SETTINGS`.

Each is written as a user of Equinox would write it, starts from the parameters in FILE, and gives the same numbers.
Made for jax 0.10.2, equinox 0.13.8 and optax 0.2.8.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import optax
from protocol import read_start, serve

name, file, settings = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
parameters, inputs = read_start(file)
inputs = {key: jnp.asarray(value) for key, value in inputs.items()}


def started(model):
    """The model with the parameters of the file."""
    trained, rest = eqx.partition(model, eqx.is_inexact_array)
    own, structure = jax.tree_util.tree_flatten(trained)
    assert len(own) == len(parameters), (len(own), len(parameters))
    values = [jnp.asarray(value).reshape(leaf.shape) for value, leaf in zip(parameters, own)]
    return eqx.combine(jax.tree_util.tree_unflatten(structure, values), rest)


def training(model, loss_of, optimiser):
    model = started(model)
    state = optimiser.init(eqx.filter(model, eqx.is_inexact_array))

    @eqx.filter_jit(donate="all-except-first")
    def update(batch, model, state):
        loss, grads = eqx.filter_value_and_grad(loss_of)(model, batch)
        updates, state = optimiser.update(grads, state, eqx.filter(model, eqx.is_inexact_array))
        return eqx.apply_updates(model, updates), state, loss

    def step():
        nonlocal model, state
        model, state, loss = update(inputs, model, state)
        return jax.block_until_ready(loss)

    return lambda: [float(step())], step


adamw = optax.adamw(1e-3, weight_decay=1e-4)


def mean_squares(model, batch):
    return jnp.mean((jax.vmap(model)(batch["x"]) - batch["y"]) ** 2)


class Layers(eqx.Module):
    layers: list
    activations: list

    def __init__(self, sizes, activations):
        keys = jr.split(jr.key(0), len(sizes) - 1)
        self.layers = [eqx.nn.Linear(a, b, key=key) for a, b, key in zip(sizes, sizes[1:], keys)]
        self.activations = activations

    def __call__(self, x):
        for i, layer in enumerate(self.layers):
            x = layer(x)
            if i < len(self.activations):
                x = self.activations[i](x)
        return x


class MnistNetwork(eqx.Module):
    conv: eqx.nn.Conv2d
    pool: eqx.nn.MaxPool2d
    linears: list

    def __init__(self):
        k1, k2, k3, k4 = jr.split(jr.key(0), 4)
        self.conv = eqx.nn.Conv2d(1, 3, 4, key=k1)
        self.pool = eqx.nn.MaxPool2d(2)
        self.linears = [
            eqx.nn.Linear(1728, 512, key=k2),
            eqx.nn.Linear(512, 64, key=k3),
            eqx.nn.Linear(64, 10, key=k4),
        ]

    def __call__(self, image):
        first, second, third = self.linears
        features = jax.nn.relu(self.pool(self.conv(image))).reshape(-1)
        return jax.nn.log_softmax(third(jax.nn.relu(second(jax.nn.sigmoid(first(features))))))


def negative_log_likelihood(model, batch):
    predictions = jax.vmap(model)(batch["x"])
    return -jnp.mean(jnp.take_along_axis(predictions, batch["y"][:, None], 1))


class Block(eqx.Module):
    norm1: eqx.nn.LayerNorm
    attention: eqx.nn.MultiheadAttention
    norm2: eqx.nn.LayerNorm
    up: eqx.nn.Linear
    down: eqx.nn.Linear

    def __init__(self, key):
        k1, k2, k3 = jr.split(key, 3)
        width = settings["width"]
        self.norm1 = eqx.nn.LayerNorm(width)
        self.attention = eqx.nn.MultiheadAttention(settings["heads"], width, key=k1)
        self.norm2 = eqx.nn.LayerNorm(width)
        self.up = eqx.nn.Linear(width, 4 * width, key=k2)
        self.down = eqx.nn.Linear(4 * width, width, key=k3)

    def __call__(self, x):
        normed = jax.vmap(self.norm1)(x)
        x = x + self.attention(normed, normed, normed)
        return x + jax.vmap(lambda row: self.down(jax.nn.gelu(self.up(self.norm2(row)))))(x)


class Transformer(eqx.Module):
    blocks: list

    def __init__(self):
        self.blocks = [Block(key) for key in jr.split(jr.key(0), settings["layers"])]

    def __call__(self, x):
        for block in self.blocks:
            x = block(x)
        return x


class BasicBlock(eqx.Module):
    conv1: eqx.nn.Conv2d
    norm1: eqx.nn.BatchNorm
    conv2: eqx.nn.Conv2d
    norm2: eqx.nn.BatchNorm
    short: list | None

    def __init__(self, start, end, stride, key):
        k1, k2, k3 = jr.split(key, 3)
        self.conv1 = eqx.nn.Conv2d(start, end, 3, stride, 1, use_bias=False, key=k1)
        self.norm1 = batch_norm(end)
        self.conv2 = eqx.nn.Conv2d(end, end, 3, 1, 1, use_bias=False, key=k2)
        self.norm2 = batch_norm(end)
        self.short = None
        if stride != 1 or start != end:
            self.short = [eqx.nn.Conv2d(start, end, 1, stride, use_bias=False, key=k3), batch_norm(end)]

    def __call__(self, x, state):
        y, state = self.norm1(self.conv1(x), state)
        y, state = self.norm2(self.conv2(jax.nn.relu(y)), state)
        if self.short is not None:
            conv, norm = self.short
            x, state = norm(conv(x), state)
        return jax.nn.relu(x + y), state


def batch_norm(channels):
    return eqx.nn.BatchNorm(channels, axis_name="batch", mode="batch")


class ResNet(eqx.Module):
    conv: eqx.nn.Conv2d
    norm: eqx.nn.BatchNorm
    pool: eqx.nn.MaxPool2d
    blocks: list
    linear: eqx.nn.Linear

    def __init__(self, key):
        keys = iter(jr.split(key, 10))
        self.conv = eqx.nn.Conv2d(3, 64, 7, 2, 3, use_bias=False, key=next(keys))
        self.norm = batch_norm(64)
        self.pool = eqx.nn.MaxPool2d(3, 2, 1)
        self.blocks = []
        start = 64
        for end, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
            self.blocks += [BasicBlock(start, end, stride, next(keys)), BasicBlock(end, end, 1, next(keys))]
            start = end
        self.linear = eqx.nn.Linear(512, 10, key=next(keys))

    def __call__(self, x, state):
        x, state = self.norm(self.conv(x), state)
        x = self.pool(jax.nn.relu(x))
        for block in self.blocks:
            x, state = block(x, state)
        return self.linear(jnp.mean(x, (1, 2))), state


def resnet():
    model, bn_state = eqx.nn.make_with_state(ResNet)(jr.key(0))
    model = started(model)
    state = adamw.init(eqx.filter(model, eqx.is_inexact_array))

    def loss_of(model, bn_state, batch):
        run = jax.vmap(model, axis_name="batch", in_axes=(0, None), out_axes=(0, None))
        logits, bn_state = run(batch["x"], bn_state)
        return optax.softmax_cross_entropy_with_integer_labels(logits, batch["y"]).mean(), bn_state

    @eqx.filter_jit(donate="all-except-first")
    def update(batch, model, bn_state, state):
        (loss, bn_state), grads = eqx.filter_value_and_grad(loss_of, has_aux=True)(model, bn_state, batch)
        updates, state = adamw.update(grads, state, eqx.filter(model, eqx.is_inexact_array))
        return eqx.apply_updates(model, updates), bn_state, state, loss

    def step():
        nonlocal model, bn_state, state
        model, bn_state, state, loss = update(inputs, model, bn_state, state)
        return jax.block_until_ready(loss)

    return lambda: [float(step())], step


class GruClassifier(eqx.Module):
    cell: eqx.nn.GRUCell
    linear: eqx.nn.Linear

    def __init__(self):
        k1, k2 = jr.split(jr.key(0))
        self.cell = eqx.nn.GRUCell(2, 16, key=k1)
        self.linear = eqx.nn.Linear(16, 1, key=k2)

    def __call__(self, x):
        last, _ = jax.lax.scan(lambda hidden, row: (self.cell(row, hidden), None), jnp.zeros(16), x)
        return self.linear(last)[0]


class LstmModel(eqx.Module):
    cell: eqx.nn.LSTMCell
    linear: eqx.nn.Linear

    def __init__(self):
        k1, k2 = jr.split(jr.key(0))
        self.cell = eqx.nn.LSTMCell(64, 128, key=k1)
        self.linear = eqx.nn.Linear(128, 1, key=k2)

    def __call__(self, x):
        def body(state, row):
            state = self.cell(row, state)
            return state, state[0]

        _, hidden = jax.lax.scan(body, (jnp.zeros(128), jnp.zeros(128)), x)
        return self.linear(hidden.mean(0))[0]


def binary_cross_entropy(model, batch):
    return optax.sigmoid_binary_cross_entropy(jax.vmap(model)(batch["x"]), batch["y"]).mean()


def inference(model):
    model = started(model)
    run = eqx.filter_jit(lambda model, x: jax.vmap(model)(x))
    answer = lambda _=None: jax.block_until_ready(run(model, inputs["x"]))
    callers = settings.get("callers")
    step = answer
    if callers is not None:
        pool = ThreadPoolExecutor(callers)
        step = lambda: list(pool.map(answer, range(callers)))
    return lambda: [float(answer().sum())], step


class Leaves(eqx.Module):
    leaves: list


def call():
    identity = eqx.filter_jit(lambda model: model)
    model = Leaves([jr.normal(key, (2,)) for key in jr.split(jr.key(0), settings["leafCount"])])
    return lambda: [len(identity(model).leaves)], lambda: jax.block_until_ready(identity(model).leaves[-1])


def eager_add():
    a, b = inputs["a"], inputs["b"]

    def step():
        for _ in range(1000):
            c = jnp.add(a, b)
        jax.block_until_ready(c)

    return lambda: jnp.add(a, b).tolist(), step


class Perceptron(eqx.Module):
    hidden: eqx.nn.Linear
    last: eqx.nn.Linear

    def __init__(self):
        k1, k2 = jr.split(jr.key(0))
        self.hidden = eqx.nn.Linear(784, 128, key=k1)
        self.last = eqx.nn.Linear(128, 10, key=k2)

    def __call__(self, x):
        return self.last(jnp.tanh(self.hidden(x)))


def per_sample():
    model = started(Perceptron())
    loss = lambda model, x, y: jnp.sum((model(x) - y) ** 2)
    run = eqx.filter_jit(eqx.filter_vmap(eqx.filter_grad(loss), in_axes=(None, 0, 0)))
    step = lambda: jax.block_until_ready(run(model, inputs["x"], inputs["y"]))
    return lambda: [float(jnp.sqrt(jnp.sum(step().hidden.weight ** 2)))], step


def hessian():
    size, width = settings["inSize"], settings["width"]

    def loss(w, x):
        first, bias, last, end = jnp.split(w, [size * width, size * width + width, size * width + 2 * width])
        hidden = jnp.tanh(x @ first.reshape(size, width) + bias)
        return jnp.mean((hidden @ last + end) ** 2)

    second = jax.jit(jax.hessian(loss))
    step = lambda: jax.block_until_ready(second(inputs["w"], inputs["x"]))
    return lambda: [float(jnp.sqrt(jnp.sum(step() ** 2)))], step


gelu = jax.nn.gelu
workloads = {
    "call": call,
    "eager-add": eager_add,
    "mlp-small": lambda: training(Layers([16, 32, 32, 4], [jnp.tanh, gelu]), mean_squares, optax.sgd(1e-2)),
    "mlp-mnist": lambda: training(Layers([784, 512, 512, 10], [jax.nn.relu, jax.nn.relu]), mean_squares, adamw),
    "cnn": lambda: training(MnistNetwork(), negative_log_likelihood, adamw),
    "resnet": resnet,
    "gru": lambda: training(GruClassifier(), binary_cross_entropy, optax.adam(3e-3)),
    "lstm": lambda: training(LstmModel(), binary_cross_entropy, optax.adam(3e-3)),
    "transformer": lambda: training(Transformer(), mean_squares, adamw),
    "per-sample": per_sample,
    "hessian": hessian,
    "cnn-inference": lambda: inference(MnistNetwork()),
    "cnn-served": lambda: inference(MnistNetwork()),
    "transformer-inference": lambda: inference(Transformer()),
    "transformer-served": lambda: inference(Transformer()),
}

serve(workloads[name])
