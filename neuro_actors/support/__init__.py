"""Small helpers for all other folders: errors, checks of arguments, texts, files, figures.

This folder imports from no other folder of the package. Start with `errors.py`.

Files:

    errors.py      every exception of the package
    validation.py  checks of what users pass, and conversions to arrays
    text.py        texts for people, safe for a terminal
    files.py       files that are written whole or not at all
    figures.py     figures with matplotlib
    numerics.py    the numeric fingerprint: what the last bits of a run depend on
    version.py     the package's version
"""
