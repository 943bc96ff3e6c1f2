"""Backpropagation, the rule that all others are compared with."""

from __future__ import annotations

from dataclasses import dataclass

from .rule import Rule


@dataclass(frozen=True)
class Backpropagation(Rule):
    """The local rule of `neuron.py`, from which the exact gradient emerges (Rumelhart, Hinton, Williams 1986)."""
