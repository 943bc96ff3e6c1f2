"""Why did this weight want to change? Its urgency as a sum over paths, from a message log.

Imports from `support`, `network`, `neuron`, `rules`, `channels` and `log` alone. Start with
`trace.py`.

Files:

    trace.py        `na.trace`, the public function
    tracer.py       reads what a trace needs from a log
    synapse_name.py which synapse a text means
    paths.py        number, sums and greatest of all paths: the mathematics without a log
    gated_paths.py  the same through interneurons and receptive fields
    result.py       the result, and its text
"""
