"""The viewer: a run as one HTML page, which `neuro-actors view` writes and `na.show` embeds.

Imports from `support`, `network`, `neuron`, `channels`, `rules` and `log` alone. Start with
`page_data.py`, then read `page.py`. The script of the page is the modules in `js/`; there, start
with `main.js`.

Files:

    page_data.py        collects the numbers of a log as JSON
    page.py             puts them into one HTML file, with style and script
    page_json.py        JSON without tags
    page_steps.py       the steps of a page, one after another
    network_elements.py what a network has besides plain neurons, and the format of all numbers
    position_rows.py    a row for each position of a neuron
    sequences.py        which rounds through time belong together
    selection.py        which steps, examples and neurons fit into a page
    step_values.py      the numbers of one step
    update_history.py   what optimizers held before each update, by a replay
    example_numbers.py  which example is which, in all steps
    loss_formulas.py    the formulas of the losses
    contradictions.py   the messages that contradict the formulas
    scales.py           the scales of colours and sizes
    picture.py          guesses whether the inputs are a picture
    originals.py        the larger pictures that the inputs were made from
    page_workers.py     which worker ran what, for a run on several workers
    fault_events.py     the faults of a run on unreliable channels
    notebook.py         the page in a notebook
    js/                 the script and the style of the page
"""
