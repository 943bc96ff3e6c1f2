"""Why did this weight want to change? Its urgency as a sum over paths, from a message log.

Imports from `support`, `network`, `neuron`, `rules`, `channels` and `log` alone. Start with
`trace`, the public function; `tracer` reads the log, `paths` is the mathematics without a log, and
`result` is what comes back.
"""
