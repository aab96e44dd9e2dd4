"""Three language models behind the same names: init, context, trunk and unembedding; to sample,
init_cache, decode_step and select_rows. The transformer alone has prefill: many steps in one pass.
It and the LSTM have layout_trunk, which reads each prompt once for all its completions, and
sharing_pays, which says when that takes less time.

A model is its module: `transformer.init(rng, ...)` makes parameters and `policy.logits(transformer,
params, tokens)` scores with them. The shapes of the parameters say everything about the
architecture, so nothing else has to be carried around.
"""
