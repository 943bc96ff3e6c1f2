"""The viewer: a run as one HTML page, which `neuro-actors view` writes and `na.show` embeds.

Imports from `support`, `network`, `neuron`, `channels` and `log` alone. Start with `page_data.py`,
then read `page.py`. The script of the page is the modules in `js/`; there, start with `main.js`.

Files:

    page_data.py     collects the numbers of a log as JSON
    page.py          puts them into one HTML file, with style and script
    selection.py     which steps, examples and neurons fit into a page
    step_values.py   the numbers of one step
    scales.py        the scales of colours and sizes
    picture.py       guesses whether the inputs are a picture
    page_workers.py  which worker ran what, for a run on several workers
    fault_events.py  the faults of a run on unreliable channels
    notebook.py      the page in a notebook
    js/              the script and the style of the page
"""
