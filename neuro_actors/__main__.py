"""`python -m neuro_actors` is `neuro-actors`."""

from .cli import main

main()
