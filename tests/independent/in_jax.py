"""The losses as a JAX user would write them."""

import jax
import jax.numpy as jnp


def dpo(w, r, rw, rr, *, beta):
    return jax.nn.softplus(-beta * (w - rw - r + rr))


def ipo(w, r, rw, rr, *, beta):
    return jnp.square(w - rw - r + rr - 1 / (2 * beta))


def simpo(w, r, *, beta, gamma):
    return jax.nn.softplus(gamma - beta * (w - r))


def odds_ratio(w, r):
    def log_odds(a):
        return a - jnp.log(-jnp.expm1(a))

    return jax.nn.softplus(log_odds(r) - log_odds(w))


def k3(logp, ref):
    return jnp.expm1(ref - logp) - (ref - logp)


def clipped_surrogate(logp, old, advantage, *, clip_low, clip_high):
    ratio = jnp.exp(logp - old)
    clipped = jnp.clip(ratio, 1 - clip_low, 1 + clip_high)
    return -jnp.minimum(ratio * advantage, clipped * advantage)
