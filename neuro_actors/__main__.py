"""`python -m neuro_actors` is `neuro-actors`."""

from .cli.main import main

main()
