"""Three language models behind the same seven names: init, context, trunk and unembedding; and to
sample start, step and keep. `read`, which only the transformer has, is many steps at one go.

A model is its module: `transformer.init(rng, ...)` makes parameters and `policy.logits(transformer,
params, tokens)` scores with them. The shapes of the parameters say everything about the
architecture, so nothing else has to be carried around.
"""
