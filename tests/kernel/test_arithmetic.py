"""`arithmetic.h` gives one hash, whatever the vectors, the optimization and the processor; sanitizers find nothing."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest
from helpers.paths import ROOT

from neuro_actors.kernel import order

KERNEL = ROOT / "neuro_actors/kernel"
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not shutil.which("gcc"), reason="no gcc")]

# Numbers by a rule that both languages compute exactly: 53 bits of a product of whole numbers.
MAIN = """
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include "arithmetic.h"

static uint64_t count = 0;
static double number(void)
{
    const uint64_t k = ++count, mixed = (k * 0x9E3779B97F4A7C15u) ^ (k * 0xC2B2AE3D27D4EB4Fu >> 29);
    return (double)(mixed >> 11) * 0x1p-51 - 2.0;
}
static void put(const double *values, ptrdiff_t n) { fwrite(values, sizeof *values, (size_t)n, stdout); }

int main(void)
{
    static const int shapes[][2] = {{1, 1}, {7, 1}, {1, 2}, {3, 5}, {9, 8}, {17, 13}, {6, 39}, {33, 64}, {5, 300}, {11, 257}};
    for (int s = 0; s < 10; s++) {
        const ptrdiff_t n = shapes[s][0], m = shapes[s][1];
        double *rows = malloc(sizeof(double) * (size_t)(n * m)), *weights = malloc(sizeof(double) * (size_t)n);
        double *values = malloc(sizeof(double) * (size_t)m), *out = malloc(sizeof(double) * (size_t)(n + m));
        for (ptrdiff_t i = 0; i < n * m; i++) rows[i] = number();
        for (ptrdiff_t i = 0; i < n; i++) weights[i] = number();
        for (ptrdiff_t j = 0; j < m; j++) values[j] = number();
        weighted_sum(weights, rows, n, m, out), put(out, m);
        sum_of_rows(rows, n, m, out), put(out, m);
        mean_products(rows, values, n, m, (double)m, out), put(out, n);
        for (ptrdiff_t i = 0; i < n; i++) scale(weights[i], values, m, out), put(out, m);
        free(rows), free(weights), free(values), free(out);
    }
    return 0;
}
"""


def expected() -> str:
    """The hash of the same numbers by the definition."""
    found, count = hashlib.sha256(), 0

    def numbers(n: int) -> np.ndarray:
        nonlocal count
        k = np.arange(count + 1, count + n + 1, dtype=np.uint64)
        count += n
        with np.errstate(over="ignore"):
            mixed = (k * np.uint64(0x9E3779B97F4A7C15)) ^ (
                (k * np.uint64(0xC2B2AE3D27D4EB4F)) >> np.uint64(29)
            )
        return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-51 - 2.0

    for n, m in [
        (1, 1),
        (7, 1),
        (1, 2),
        (3, 5),
        (9, 8),
        (17, 13),
        (6, 39),
        (33, 64),
        (5, 300),
        (11, 257),
    ]:
        rows, weights, values = numbers(n * m).reshape(n, m), numbers(n), numbers(m)
        means = np.empty(n)
        order.mean_products(rows, values, means)
        for part in (
            order.weighted_sum(weights, rows),
            order.sum_of_rows(rows),
            means,
            *(w * values for w in weights),
        ):
            found.update(np.ascontiguousarray(part).tobytes())
    return found.hexdigest()


BUILDS = {
    "plain": ["gcc", "-O3"],
    "not optimized": ["gcc", "-O0"],
    "a little": ["gcc", "-O1"],
    "SSE2 alone": ["gcc", "-O3", "-DNEURO_ACTORS_PLAIN"],
    "AVX2, FMA there": ["gcc", "-O3", "-DNEURO_ACTORS_PLAIN", "-mavx2", "-mfma"],
    "this processor": ["gcc", "-O3", "-DNEURO_ACTORS_PLAIN", "-march=native"],
    "clang": ["clang", "-O3"],
    "aarch64": ["aarch64-linux-gnu-gcc", "-O3", "-static"],
}


@pytest.mark.parametrize("build", list(BUILDS))
def test_one_hash(build: str, tmp_path: Path) -> None:
    compiler, *flags = BUILDS[build]
    run = ["qemu-aarch64"] if build == "aarch64" else []
    for tool in (compiler, *run):
        if not shutil.which(tool):
            pytest.skip(f"no {tool}")
    if any(flag.startswith("-m") for flag in flags) and os.uname().machine != "x86_64":
        pytest.skip("no x86-64")
    (tmp_path / "main.c").write_text(MAIN)
    program = tmp_path / "main"
    always = [
        "-std=gnu11",
        "-ffp-contract=off",
        f"-I{KERNEL}",
        str(tmp_path / "main.c"),
        "-o",
        str(program),
        "-lm",
    ]
    subprocess.run([compiler, *flags, *always], check=True)
    out = subprocess.run([*run, str(program)], capture_output=True, check=True).stdout
    assert hashlib.sha256(out).hexdigest() == expected()


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="no x86-64")
def test_fused_operations_would_be_seen(tmp_path: Path) -> None:
    (tmp_path / "main.c").write_text(MAIN)
    flags = ["-O3", "-DNEURO_ACTORS_PLAIN", "-mavx2", "-mfma", "-ffp-contract=fast", f"-I{KERNEL}"]
    subprocess.run(
        ["gcc", *flags, str(tmp_path / "main.c"), "-o", str(tmp_path / "main"), "-lm"], check=True
    )
    done = subprocess.run([str(tmp_path / "main")], capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("this processor has no fused operations")
    assert hashlib.sha256(done.stdout).hexdigest() != expected()


def test_fast_math_does_not_compile(tmp_path: Path) -> None:
    (tmp_path / "main.c").write_text(MAIN)
    done = subprocess.run(
        ["gcc", "-O3", "-ffast-math", f"-I{KERNEL}", "-c", str(tmp_path / "main.c"), "-o", str(tmp_path / "main.o")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "compile without -ffast-math" in done.stderr


@pytest.mark.parametrize("is_broken", [False, True], ids=["as it is", "one column too many"])
def test_sanitizers(is_broken: bool, tmp_path: Path) -> None:
    """The tests of the kernel, with a kernel that checks every access and every operation."""
    library = subprocess.run(
        ["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
    ).stdout.strip()
    if not Path(library).is_absolute():
        pytest.skip("no AddressSanitizer")
    shutil.copytree(
        ROOT / "neuro_actors",
        tmp_path / "neuro_actors",
        ignore=shutil.ignore_patterns("*.so", "__pycache__"),
    )
    kernel = tmp_path / "neuro_actors/kernel"
    module = kernel / "compiled.abi3.so"
    flags = [
        "-O1",
        "-g",
        "-std=gnu11",
        "-shared",
        "-fPIC",
        "-ffp-contract=off",
        "-fsanitize=address,undefined",
        "-fno-omit-frame-pointer",
    ]
    flags += ["-fno-sanitize-recover=all", "-DNEURO_ACTORS_PLAIN", "-DPy_LIMITED_API=0x030b0000"]
    if is_broken:
        header = kernel / "arithmetic.h"
        right, wrong = (
            "for (; j < m; j++)\n        out[j] = weight * values[j];",
            "for (; j <= m; j++)\n        out[j] = weight * values[j];",
        )
        assert right in header.read_text()
        header.write_text(header.read_text().replace(right, wrong))
    include = [f"-I{np.get_include()}", f"-I{sysconfig.get_paths()['include']}"]
    subprocess.run(
        ["gcc", *flags, *include, str(kernel / "compiled.c"), "-o", str(module)], check=True
    )
    environment = os.environ | {
        "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT / 'tests'}",
        "LD_PRELOAD": library,
        "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=0",  # Python itself frees little at its end
        "PYTHONMALLOC": "malloc",
    }
    # The folder of the run comes first on the path: there lies the package with this kernel.
    code = f"""
import sys, pytest, neuro_actors as na
assert na.kernel.calls.__file__ == {str(module)!r}, na.kernel.reason
sys.exit(pytest.main(sys.argv[1:]))
"""
    tests = [str(ROOT / f"tests/kernel/{name}.py") for name in ("test_kernel_rule", "test_order")]
    options = ["-q", "-x", "-s", "-p", "no:cacheprovider", "-c", str(ROOT / "pyproject.toml")]
    options += ["-k", "not no_reference_is_lost"]  # it counts memory
    done = subprocess.run(
        [sys.executable, "-c", code, *options, *tests], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )  # fmt: skip
    if is_broken:
        assert "AddressSanitizer: heap-buffer-overflow" in done.stderr
    else:
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
