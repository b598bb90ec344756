"""Plain implementations of the general model of sequences, in JAX and in PyTorch: T x T scores for every head.

What one writes first: batched products in the model's own words, one jitted (or eager) update a step from a Python
loop, one seed after another, on sequences drawn before. `PlainJax` and `PlainTorch` take their weights from one of
our models.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
import optax

EPSILON = 1e-5  # of layer normalisation


def weights_of(model):
    """Ours, layer by layer, as dictionaries of numpy arrays: heads on the first axis, biases apart."""
    layers = []
    for layer, norm in zip(model.layers, model.norms, strict=True):
        found = {name: np.asarray(getattr(layer, name))[..., :-1] for name in ("query", "key", "value")}
        found |= {f"{name}_bias": np.asarray(getattr(layer, name))[..., -1] for name in ("query", "key", "value")}
        found |= {"output": np.asarray(layer.output), "scale": np.asarray(norm.weight), "offset": np.asarray(norm.bias)}
        if layer.positions is not None:
            found["positions"] = np.asarray(layer.positions.scores)
        layers.append(found)
    return layers


def plain_predict(layers, states, augmented=True, residual=True):
    """Predictions [batch, t, d] of the next states."""
    before = jnp.concatenate([jnp.zeros_like(states[:, :1]), states[:, :-1]], axis=1)
    tokens = [jnp.zeros_like(states), states, before] if augmented else [states, states]
    tokens, length = jnp.concatenate(tokens, axis=-1), states.shape[1]
    for w in layers:
        query, key, value = (
            jnp.einsum("bte,hke->bhtk", tokens, w[name]) + w[f"{name}_bias"][None, :, None]
            for name in ("query", "key", "value")
        )
        scores = jnp.einsum("bhtk,bhsk->bhts", query, key) / math.sqrt(key.shape[-1])
        if "positions" in w:
            rows = jax.nn.softmax(jnp.where(jnp.tri(length, k=1) > 0, w["positions"], -jnp.inf), axis=-1)
            scores = scores * jnp.concatenate([jnp.zeros_like(rows[:1]), rows[:-1]])
        else:
            scores = scores * jnp.tri(length, dtype=tokens.dtype)
        update = jnp.einsum("bhtk,hek->bte", jnp.einsum("bhts,bhsk->bhtk", scores, value), w["output"])
        centred = update - update.mean(axis=-1, keepdims=True)
        update = centred / jnp.sqrt((centred**2).mean(axis=-1, keepdims=True) + EPSILON) * w["scale"] + w["offset"]
        tokens = tokens + update if residual else update
    return tokens[..., : states.shape[-1]]


class PlainJax:
    """Trains by one jitted update a step, on a batch of sequences that stays the same."""

    def __init__(self, model, states, **settings):
        optimiser = optax.adam(1e-2)
        self.layers, self.states = jax.tree.map(jnp.asarray, weights_of(model)), states
        self.memory = optimiser.init(self.layers)

        def loss_fn(layers, states):
            return jnp.mean(jnp.sum((plain_predict(layers, states, **settings)[:, :-1] - states[:, 1:]) ** 2, axis=-1))

        def update(layers, memory, states):
            loss, gradient = jax.value_and_grad(loss_fn)(layers, states)
            change, memory = optimiser.update(gradient, memory, layers)
            return optax.apply_updates(layers, change), memory, loss

        self.update = jax.jit(update)

    def run(self, num_steps):
        for _ in range(num_steps):
            self.layers, self.memory, loss = self.update(self.layers, self.memory, self.states)
        return float(loss)


def torch_predict(layers, states, augmented=True, residual=True):
    """`plain_predict` in PyTorch."""
    import torch

    before = torch.cat([torch.zeros_like(states[:, :1]), states[:, :-1]], dim=1)
    tokens = torch.cat([torch.zeros_like(states), states, before] if augmented else [states, states], dim=-1)
    length = states.shape[1]
    seen = torch.tril(torch.ones(length, length), diagonal=1) > 0
    for w in layers:
        query, key, value = (
            torch.einsum("bte,hke->bhtk", tokens, w[name]) + w[f"{name}_bias"][None, :, None]
            for name in ("query", "key", "value")
        )
        scores = query @ key.transpose(-1, -2) / math.sqrt(key.shape[-1])
        if "positions" in w:
            rows = torch.softmax(w["positions"].masked_fill(~seen, -math.inf), dim=-1)
            scores = scores * torch.cat([torch.zeros_like(rows[:1]), rows[:-1]])
        else:
            scores = torch.tril(scores)
        update = torch.einsum("bhtk,hek->bte", scores @ value, w["output"])
        update = torch.nn.functional.layer_norm(update, update.shape[-1:], w["scale"], w["offset"], EPSILON)
        tokens = tokens + update if residual else update
    return tokens[..., : states.shape[-1]]


class PlainTorch:
    """The same in PyTorch, eager."""

    def __init__(self, model, states, **settings):
        import torch

        self.layers = [
            {name: torch.nn.Parameter(torch.tensor(value)) for name, value in layer.items()}
            for layer in weights_of(model)
        ]
        self.states, self.settings = torch.tensor(np.asarray(states)), settings
        self.optimiser = torch.optim.Adam([w for layer in self.layers for w in layer.values()], lr=1e-2)

    def run(self, num_steps):
        for _ in range(num_steps):
            self.optimiser.zero_grad()
            errors = torch_predict(self.layers, self.states, **self.settings)[:, :-1] - self.states[:, 1:]
            loss = errors.square().sum(-1).mean()
            loss.backward()
            self.optimiser.step()
        return loss.item()
