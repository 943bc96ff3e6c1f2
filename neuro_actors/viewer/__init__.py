"""The viewer: a run as one HTML page, which `neuro-actors view` writes and `na.show` embeds.

Imports from `support`, `network`, `neuron`, `channels` and `log` alone. Start with `page_data`,
which collects the numbers of a log as JSON, and `page`, which puts them into a page with style and
script. The script is the modules in `js/`; there, start with `main.js`.
"""
