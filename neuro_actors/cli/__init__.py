"""The command line, `neuro-actors`: one file for each command.

`main.py` lists the commands and turns every error into one line; start there. `output.py` has
what the commands share. `benchmark/` is what `neuro-actors bench` runs, in a process of its own.

A command imports anything of the package; nothing but `__main__.py` imports a command. Heavy
imports stand inside the functions, so that `--help` is fast.
"""
