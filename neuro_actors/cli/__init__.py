"""The command line, `neuro-actors`: one file for each command.

A command imports anything of the package; nothing but `__main__.py` imports a command. Heavy
imports stand inside the functions, so that `--help` is fast. Start with `command_line.py`.

Files:

    command_line.py  the list of the commands; it turns every error into one line
    output.py        what the commands share: pages, colours, plain lines, JSON
    audit.py         `audit`: replay a log and find the first lie
    bench.py         `bench`: starts `benchmark/` in a process of its own
    checkpoint.py    `resume` and `checkpoint`
    completion.py    completes neurons and synapses of a log in a shell
    demo.py          `demo`: a small society learns, and a page shows how
    demo_pictures.py pictures of plain characters, for `demo`
    demo_texts.py    what `demo` prints, in English and French
    faults.py        `faults`: random societies under random faults
    guess.py         says what to type in place of what cannot be read
    log.py           `log`: the group of commands about logs; `log info`, `log show`
    log_diff.py      `log diff`
    log_export.py    `log export`
    log_plot.py      `log plot`
    log_query.py     `log query`
    trace.py         `log trace`
    verify.py        `verify`: societies against the reference
    view.py          `view`: a log as a page
    benchmark/       other programs for the same gradient, timed beside this package
"""

from __future__ import annotations

from .command_line import main

__all__ = ["main"]
