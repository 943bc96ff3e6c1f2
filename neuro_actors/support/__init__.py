"""Small helpers for all other folders: errors, checks of arguments, texts, files, figures.

This folder imports from no other folder of the package.

Start reading in `errors.py`, which has every exception of the package, then `validation.py`.
"""
