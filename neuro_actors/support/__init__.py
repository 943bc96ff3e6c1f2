"""Small helpers for all other folders: errors, checks of arguments, texts, files, figures.

This folder imports from no other folder of the package. Start with `errors.py`.

Files:

    errors.py             every exception of the package
    signal_exceptions.py  an exception of the user's signal handler reaches the caller as it is
    signal_handlers.py    signals that a block handles itself, and gives back at its end
    scalars.py            numbers that users pass, one by one
    arrays.py             arrays, and conversions to them
    hints.py              what to write in place of a name that the package does not have
    labelled_arrays.py    batches and vectors of users, whose columns may bear names
    validation.py         settings that are no numbers: truth values, lists, file names
    columns.py            names that data bring with them
    text.py               texts for people, safe for a terminal
    console.py            a console that prints what its encoding can hold
    picture.py            lines, discs, boxes and labels, as SVG or with matplotlib
    chart.py              curves as a small picture with axes
    markup.py             SVG and HTML as text, with names escaped
    means.py              means that are finite wherever the numbers are
    files.py              files that are written whole or not at all
    file_lock.py          a lock on a file, which ends with its process
    figures.py            figures with matplotlib
    palette.py            the colours of figures and of the viewer
    numerics.py           the numeric fingerprint: what the last bits of a run depend on
    optional.py           modules that an extra brings
    own_code.py           whether a class is a user's own, and where the user called
    own_names.py          names that a class of a user's own must leave to the package
    version.py            the package's version
"""
