"""Three language models behind the same five names: init, trunk, unembedding, start, step.

A model is its module: `transformer.init(rng, ...)` makes parameters and `logits(params, tokens)`
scores with them. The shapes of the parameters say everything about the architecture, so nothing
else has to be carried around.
"""
