"""Make the pictures of the questions: run the experiments, and save their figures in few colours.

    python docs/pictures.py                  all nine, as they are by default (some minutes)
    python docs/pictures.py newton --full    one of them, with what else its script takes
    python docs/pictures.py hierarchy --full --lang fr    its French picture
    python docs/pictures.py watch_it_learn   the picture of a scenario that a page shows

The pages show the --full runs of newton (about four minutes of work), hierarchy and landscape.

Needs the extra `plot`, whose matplotlib brings Pillow. Some need scikit-learn and scipy (extra
`test`).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent


def few_colours(image: Image.Image) -> Image.Image:
    """Return the image in 256 colours; rare ones, such as that of a thin ring, keep their hue."""
    cover, no = Image.Quantize.MAXCOVERAGE, Image.Dither.NONE
    return image.convert("RGB").quantize(256, method=cover, kmeans=1, dither=no)


def make(name: str, more: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, ROOT / "scenarios" / f"{name}.py", "--out", folder, *more], check=True
        )
        for figure in Path(folder).glob(f"{name}*.png"):
            place = f"{name}.fr.png" if "fr" in more else figure.name
            goal = ROOT / "docs" / place
            goal = goal if goal.exists() else ROOT / "docs" / "pictures" / place
            with Image.open(figure) as image:
                few_colours(image).save(goal, optimize=True)
            print(f"{goal.relative_to(ROOT)}: {goal.stat().st_size:,} bytes")


if __name__ == "__main__":
    names = [word for word in sys.argv[1:] if (ROOT / "scenarios" / f"{word}.py").exists()]
    more = [word for word in sys.argv[1:] if word not in names]
    pages = sorted(
        path.stem for path in (ROOT / "docs" / "questions").glob("*.md") if "." not in path.stem
    )
    for name in names or [page for page in pages if page != "index"]:
        make(name, more)
