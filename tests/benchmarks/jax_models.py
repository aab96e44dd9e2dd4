"""The same tiny transformer and LSTM in JAX, one compiled step each."""

import jax
import jax.numpy as jnp


def norm(x, gain, bias):
    centred = x - x.mean(-1, keepdims=True)
    scale = jax.lax.rsqrt((centred * centred).mean(-1, keepdims=True) + 1e-5)
    return centred * scale * gain + bias


def dense(x, w, b):
    return x @ w.reshape(len(w), -1) + b.reshape(-1)


def transformer(params, tokens):
    (batch, time), width = tokens.shape, params["tok"].shape[1]
    x = (params["tok"][tokens] + params["pos"][:time]).reshape(-1, width)
    hidden = jnp.triu(jnp.full((time, time), -1e9, x.dtype), 1)
    for name in (name for name in params if name.startswith("block")):
        block = params[name]
        heads = block["attn"]["qkv"]["w"].shape[2]
        packed = dense(norm(x, **block["ln1"]), **block["attn"]["qkv"])
        q, k, v = packed.reshape(batch, time, 3, heads, -1).transpose(2, 0, 3, 1, 4)
        scores = q @ k.swapaxes(-1, -2) / (width // heads) ** 0.5 + hidden
        mixed = (jax.nn.softmax(scores) @ v).swapaxes(1, 2).reshape(x.shape)
        x = x + dense(mixed, **block["attn"]["out"])
        x = x + dense(
            jax.nn.gelu(dense(norm(x, **block["ln2"]), **block["mlp"]["up"])),
            **block["mlp"]["down"],
        )
    return norm(x, **params["ln"])


def lstm(params, tokens):
    (batch, time), width = tokens.shape, params["tok"].shape[1]
    x, layer = params["tok"][tokens], params["layer0"]

    def cell(state, z):
        h, c = state
        i, f, o, u = jnp.split(z + h @ layer["w_hidden"], 4, axis=1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(u)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    z = (x @ layer["w_in"] + layer["bias"]).swapaxes(0, 1)
    zero = jnp.zeros((batch, width), x.dtype)
    h = jax.lax.scan(cell, (zero, zero), z)[1].swapaxes(0, 1)
    return norm(x + h, **params["ln"]).reshape(batch * time, width)


def train_step(trunk, params, tokens):
    """A function that takes one step: forward, backward, Adam, compiled as one."""

    def loss(params):
        logits = trunk(params, tokens[:, :-1]) @ params["tok"].T
        target = tokens[:, 1:].reshape(-1, 1)
        return -jnp.take_along_axis(jax.nn.log_softmax(logits), target, 1).mean()

    @jax.jit
    def advance(params, mean, square, t):
        slope = jax.grad(loss)(params)
        mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, slope)
        square = jax.tree.map(lambda s, g: 0.99 * s + 0.01 * g * g, square, slope)
        rate, fresh = 1e-3 / (1 - 0.9**t), 1 / (1 - 0.99**t)
        params = jax.tree.map(
            lambda p, m, s: p - rate * m / (jnp.sqrt(s * fresh) + 1e-8), params, mean, square
        )
        return params, mean, square

    params = jax.tree.map(jnp.asarray, params)
    zero = jax.tree.map(jnp.zeros_like, params)
    state, tokens = [params, zero, zero], jnp.asarray(tokens)
    steps = iter(range(1, 1 << 30))

    def step():
        state[:] = jax.block_until_ready(advance(*state, float(next(steps))))

    return step
