"""Compile the kernel in place: `python setup.py build_ext --inplace`. It needs a C compiler.

The package is built by hatchling, without the kernel. This compiles it for a clone.
"""

from __future__ import annotations

import numpy
from setuptools import Extension, setup

KERNEL = "neuro_actors/kernel"

setup(
    packages=[],
    ext_modules=[
        Extension(
            "neuro_actors.kernel.compiled",
            sources=[f"{KERNEL}/compiled.c"],
            depends=[f"{KERNEL}/arithmetic.h", f"{KERNEL}/functions.h"],
            include_dirs=[numpy.get_include()],
            define_macros=[("Py_LIMITED_API", "0x030b0000")],
            # sums in the order and with the roundings that are written down, on every machine
            extra_compile_args=["-O3", "-std=c11", "-ffp-contract=off", "-fno-fast-math"],
            py_limited_api=True,
        )
    ],
)
