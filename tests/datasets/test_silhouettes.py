from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from helpers.digests import digest

import neuro_actors as na
from neuro_actors.datasets.silhouettes import average, load_pictures


def test_the_same_seed_gives_the_same_numbers_on_every_machine() -> None:
    assert digest(na.datasets.silhouettes(7, "cat")) == "7d426ee3"
    assert digest(na.datasets.silhouettes(7, seed=3)) == "3390f175"
    assert digest(na.datasets.silhouettes(28, "cat", "test")) == "bd63646e"


@pytest.mark.parametrize("animal", ["cat", None])
def test_no_picture_is_on_both_sides(animal: str | None) -> None:
    train, test = (na.datasets.silhouettes(28, animal, side, seed=1) for side in ("train", "test"))
    both = np.concatenate([train.x, test.x])
    assert len(np.unique(both, axis=0)) == len(both)
    assert len(test.x) / len(both) == pytest.approx(0.25, abs=0.001)
    if animal:
        assert train.targets.mean() == test.targets.mean() == 0.5
        assert train.classes == ("other", "cat")
    else:
        assert set(train.targets.sum(axis=1)) == {1.0}
        assert train.classes == load_pictures().names
    other_seed = na.datasets.silhouettes(28, animal, seed=2)
    assert not np.array_equal(train.x, other_seed.x)


@pytest.mark.slow
def test_sizes_are_means_of_the_same_pictures() -> None:
    large = na.datasets.silhouettes(28, "cat")
    assert (large.x.min(), large.x.max()) == (0.0, 1.0)
    for size in (14, 7, 4):
        small = na.datasets.silhouettes(size, "cat")
        assert small.picture == (size, size)
        assert len(small.names) == size * size
        assert np.array_equal(small.targets, large.targets)
        assert small.x.mean(axis=1) == pytest.approx(large.x.mean(axis=1))
        again = average(np.round(255 * large.x).reshape(-1, 28, 28), 28 // size)
        assert small.x == pytest.approx(again)


def test_wrong_arguments() -> None:
    for wrong, message in (
        ({"size": 10}, "size must be 28, 14, 7 or 4, got 10"),
        ({"size": 28.5}, "size must be a whole number"),
        ({"animal": "cta"}, "unknown animal 'cta'; did you mean 'cat'?"),
        ({"animal": 2}, "unknown animal 2; known are 'bear'"),
        ({"split": "validation"}, "split must be 'train' or 'test', got 'validation'"),
        ({"seed": -1}, "seed must be"),
    ):
        with pytest.raises(na.InputError) as error:
            na.datasets.silhouettes(**wrong)
        assert str(error.value).startswith(message)


def test_short_representation() -> None:
    assert repr(na.datasets.silhouettes()) == (
        "Dataset(5,856 examples, 784 inputs (28 x 28 pixels), 10 targets: bear to zebra)"
    )


def test_the_licence_lies_beside_the_pictures() -> None:
    folder = Path(na.datasets.__file__).parent
    assert (folder / "animals.npz").stat().st_size > 2_000_000
    assert "Permission is hereby granted" in (folder / "animals.LICENSE.txt").read_text()


@pytest.mark.slow
def test_the_wheel_has_pictures_and_licence(tmp_path) -> None:
    """The folder alone, as the wheel has it, works outside a clone."""
    root = Path(na.__file__).parents[1]
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel == {"packages": ["neuro_actors"]}
    ignored = subprocess.run(
        [
            "git",
            "check-ignore",
            "--no-index",
            *map(str, (root / "neuro_actors/datasets").glob("a*")),
        ],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )  # the wheel leaves out what git ignores
    assert ignored.stdout == ""
    shutil.copytree(root / "neuro_actors", tmp_path / "installed/neuro_actors")
    code = "import neuro_actors as na; print(na.__file__, len(na.datasets.silhouettes().x))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path / "installed")},
        capture_output=True,
        text=True,
        check=True,
    )
    file, n = done.stdout.split()
    assert file.startswith(str(tmp_path / "installed"))
    assert n == "5856"
