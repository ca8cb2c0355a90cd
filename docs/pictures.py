"""Makes the pictures of the README: python docs/pictures.py

training.png is the end of 3-layers, the reference solutions and PyTorch from the same weights,
batches and masks; check.png is what a check shows of a wrong Linear, drawn by a headless Chromium.
Neither depends on luck.
"""

import html
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
import torch
from matplotlib.figure import Figure
from PIL import Image, ImageChops

from byhand import check, plots
from byhand.grading.course.mistakes import mistakes
from byhand.grading.course.notebooks import (
    module_from,
    reference,
    reference_source,
    solution_cells,
    source_notebook,
)

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
NOTEBOOK = source_notebook(ROOT, "3-layers")
TRAINING_CELLS = ("setup", "training-data", "run", "twins")
MISTAKE = "bias gradient averaged over the batch"

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SCALE, MARGIN = 2, 16  # screen pixels for one of CSS; CSS pixels around the card
COLOURS = 64  # enough for text and three colours, at a third of the size
CALL = """\
check.layer(Linear, like=torch.nn.Linear, make=dict(in_features=4, out_features=3), x=(5, 4))"""
PAGE = """\
<!doctype html><meta charset="utf-8">
<style>
  body {{ margin: {margin}px; width: 900px; background: white; color: #212121;
          font: 13px Arial, "Liberation Sans", sans-serif }}
  pre {{ font: 13px Menlo, "DejaVu Sans Mono", monospace; background: #f5f5f5; margin: 0 0 8px;
         border: 1px solid #e0e0e0; padding: 6px 10px }}
</style>
<pre>{call}</pre>{card}"""


def main() -> None:
    """Write both pictures; exit with one line where that is not possible."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.exit(f"pictures: none of {', '.join(BROWSERS)} is installed; check.png needs one.")
    PICTURES.mkdir(exist_ok=True)
    page = PAGE.format(margin=MARGIN, call=html.escape(CALL), card=failing_card())
    draw(browser, page, PICTURES / "check.png")
    training_figure().savefig(PICTURES / "training.png", dpi=150)
    for path in sorted(PICTURES.glob("*.png")):
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size // 1024} kB")


def training_figure() -> Figure:
    """The losses of the notebook's network and of PyTorch's twin, and what is between them."""
    cells = {cell.id: cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells}
    namespace = vars(reference(NOTEBOOK)) | {"display": lambda *_: None}
    for name in TRAINING_CELLS:
        if name not in cells:
            sys.exit(f"pictures: {NOTEBOOK} has no cell {name!r} any more; fix TRAINING_CELLS.")
        exec(compile(cells[name], f"<{name}>", "exec"), namespace)
    return plots.twins(*namespace["losses"])


def failing_card() -> str:
    """The card, as HTML, of a Linear with a mistake from mistakes/."""
    wrong = next((m for m in mistakes(ROOT / "mistakes" / "3-layers") if m.name == MISTAKE), None)
    if wrong is None:
        sys.exit(f"pictures: mistakes/3-layers has no {MISTAKE!r} any more; fix MISTAKE.")
    right = solution_cells(NOTEBOOK)[wrong.task]
    source = reference_source(NOTEBOOK).replace(right.strip(), wrong.source.strip())
    module = module_from(source, "wrong_linear")
    try:
        check.layer(
            module.Linear,
            like=torch.nn.Linear,
            make=dict(in_features=4, out_features=3),
            x=(5, 4),
            seed=31337,
        )
    except check.CheckFailed as failure:
        return failure.reports[0]._repr_html_()
    sys.exit(f"pictures: the check finds nothing wrong with {MISTAKE!r}.")


def draw(browser: str, page: str, path: Path) -> None:
    """A screenshot of an HTML page, its white border cropped, as a PNG."""
    with tempfile.TemporaryDirectory() as folder:
        source, shot = Path(folder) / "page.html", Path(folder) / "page.png"
        source.write_text(page, encoding="utf-8")
        done = subprocess.run(
            [
                browser,
                *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"),
                *("--no-first-run", "--disable-background-networking"),
                *("--disable-component-update", "--disable-sync", "--hide-scrollbars"),
                f"--user-data-dir={folder}/profile",
                f"--force-device-scale-factor={SCALE}",
                "--window-size=940,800",
                f"--screenshot={shot}",
                source.as_uri(),
            ],
            capture_output=True,
            text=True,
        )
        if not shot.exists():
            sys.exit(f"pictures: {browser} made no screenshot.\n{done.stderr[-500:]}")
        with Image.open(shot) as image:
            crop(image.convert("RGB")).quantize(COLOURS).save(path, optimize=True)


def crop(image: Image.Image) -> Image.Image:
    """The image without its white border, but for a margin."""
    white = Image.new("RGB", image.size, "white")
    left, top, right, bottom = ImageChops.difference(image, white).getbbox()
    margin = SCALE * MARGIN
    return image.crop((left - margin, top - margin, right + margin, bottom + margin))


if __name__ == "__main__":
    main()
