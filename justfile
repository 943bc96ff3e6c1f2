# Tasks: `just --list`. They run what is in .venv.

python := ".venv/bin/python"

# make .venv, with the tools and what all tests need
install:
    python3 -m venv .venv
    .venv/bin/pip install -e ".[dev,test-all]"

# the default tests: two and a half to four minutes on two cores
test *arguments:
    {{python}} -m pytest -n auto {{arguments}}

# all tests: exhaustive cases, Ray, browser, documentation
test-all *arguments:
    {{python}} -m pytest --run-slow -n auto -m "not ray" {{arguments}}
    {{python}} -m pytest --run-slow -m ray {{arguments}}

# ruff check
lint:
    .venv/bin/ruff check .

# ruff format
format:
    .venv/bin/ruff format .

# mypy, strict
types:
    .venv/bin/mypy

# the site, in out/site
docs:
    .venv/bin/mkdocs build --strict

# time a gradient beside others
bench *arguments:
    .venv/bin/neuro-actors bench {{arguments}}
