"""Makes the pictures of the README: python docs/pictures.py

check.png is what a check shows of a wrong Linear, scoreboard.png a notebook that is being worked
on; training.png is the end of 3-layers, the reference solutions and PyTorch from the same weights,
batches and masks. None of these depends on luck. live.png and mistakes.png are of the reference
solution of 5-convnet, trained here on what data.mnist() finds. A headless Chromium draws them.
"""

import html
import io
import shutil
import sys
import tempfile
from pathlib import Path

import nbformat
import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image
from playwright.sync_api import sync_playwright

from byhand import check, data, plots, training
from byhand.grading.course import fresh_run
from byhand.grading.course.mistakes import Mistake, mistakes
from byhand.grading.course.notebooks import (
    grade_id,
    module_from,
    read,
    reference,
    reference_source,
    solution_cells,
    source_notebook,
)
from byhand.plots.style import Shown

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
NOTEBOOK = source_notebook(ROOT, "3-layers")
CONVNET = source_notebook(ROOT, "5-convnet")
TRAINING_CELLS = ("setup", "training-data", "run", "twins")
MISTAKE = "bias gradient averaged over the batch"
SCORED = "biased variance in the running one"  # on the scoreboard
WRITTEN = "linear dropout relu sigmoid softmax log_softmax sequential mse_loss".split()  # and right
EPOCHS = 6  # of the convnet

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SCALE = 2  # screen pixels for one of CSS
COLOURS = 64  # enough for text and a few colours, at a third of the size
CALL = """\
check.layer(Linear, like=torch.nn.Linear, make=dict(in_features=4, out_features=3), x=(5, 4))"""
PAGE = """\
<!doctype html><meta charset="utf-8">
<style>
  body {{ margin: 0; padding: 16px; width: fit-content; max-width: 932px; background: white;
          color: #212121; font: 13px Arial, "Liberation Sans", sans-serif }}
  pre {{ font: 13px Menlo, "DejaVu Sans Mono", monospace; background: #f5f5f5; margin: 0 0 8px;
         border: 1px solid #e0e0e0; padding: 6px 10px }}
</style>
{content}"""


def main() -> None:
    """Write all pictures; exit with one line where that is not possible."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.exit(f"pictures: none of {', '.join(BROWSERS)} is installed.")
    live, wrong = convnet_figures()
    contents = {
        "check": f"<pre>{html.escape(CALL)}</pre>{failing_card()}",
        "scoreboard": scoreboard(),
        "training": training_figure().image(),
        "live": live.image(),
        "mistakes": wrong.image(),
    }
    PICTURES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = chromium.new_page(device_scale_factor=SCALE)
        for name, content in contents.items():
            page.set_content(PAGE.format(content=content))
            path = PICTURES / f"{name}.png"
            with Image.open(io.BytesIO(page.locator("body").screenshot())) as image:
                image.convert("RGB").quantize(COLOURS).save(path, optimize=True)
            print(f"{path.relative_to(ROOT)}: {path.stat().st_size // 1024} kB")
        chromium.close()


def training_figure() -> Figure:
    """The losses of the notebook's network and of PyTorch's twin, and what is between them."""
    cells = {cell.id: cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells}
    namespace = vars(reference(NOTEBOOK)) | {"display": lambda *_: None}
    for name in TRAINING_CELLS:
        if name not in cells:
            sys.exit(f"pictures: {NOTEBOOK} has no cell {name!r} any more; fix TRAINING_CELLS.")
        exec(compile(cells[name], f"<{name}>", "exec"), namespace)
    return plots.twins(*namespace["losses"])


def convnet_figures() -> tuple[Shown, Shown]:
    """How the training of the convnet went, and what the network gets wrong."""
    layers, course, digits = reference(NOTEBOOK), reference(CONVNET), data.mnist()
    images, labels = digits.validation_images, digits.validation_labels
    np.random.seed(0)
    network, criterion = course.build_convnet(), layers.CrossEntropyLoss()
    loader = layers.DataLoader(digits.train_images, digits.train_labels, 64, shuffle=True)
    optimizer, scheduler = course.build_optimizer(network, EPOCHS * len(loader))
    with training.Run(network, optimizer, scheduler, epochs=EPOCHS, data=digits.name) as run:
        for _ in run.epochs():
            for X, y in run.batches(loader):
                run.loss = course.train_step(network, criterion, optimizer, scheduler, X, y)
            answers = course.predict(network, images)
            run.validation_accuracy = np.mean(answers == labels)
    wrong = answers != labels
    probabilities = layers.Softmax()(network.eval()(images[wrong]))
    return (
        plots.training_run(run.history, digits.name, goal=0.99),
        plots.mistakes_made(images[wrong], labels[wrong], probabilities, digits.name),
    )


def failing_card() -> str:
    """The card, as HTML, of a Linear with a mistake from mistakes/."""
    wrong = mistake(MISTAKE)
    right = solution_cells(NOTEBOOK)[wrong.task]
    source = reference_source(NOTEBOOK).replace(right.strip(), wrong.source.strip())
    Linear = module_from(source, "wrong_linear").Linear
    try:
        check.layer(
            Linear,
            like=torch.nn.Linear,
            make=dict(in_features=4, out_features=3),
            x=(5, 4),
            seed=31337,
        )
    except check.CheckFailed as failure:
        return failure.reports[0]._repr_html_()
    sys.exit(f"pictures: the check finds nothing wrong with {MISTAKE!r}.")


def scoreboard() -> str:
    """The scoreboard, as HTML, of a notebook that is being worked on, with one mistake in it."""
    wrong, solutions = mistake(SCORED), solution_cells(NOTEBOOK)
    written = {name: solutions[name] for name in WRITTEN} | {wrong.task: wrong.source}
    nb = read(ROOT / "release" / "3-layers" / NOTEBOOK.name)
    for cell in nb.cells:
        cell.source = written.get(grade_id(cell), cell.source)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / NOTEBOOK.name
        nbformat.write(nb, path)
        return fresh_run.run_notebook(path)[0]["text/html"]


def mistake(name: str) -> Mistake:
    """A mistake of 3-layers; exits with one line if there is none of that name."""
    found = [one for one in mistakes(ROOT / "mistakes" / "3-layers") if one.name == name]
    if not found:
        sys.exit(f"pictures: mistakes/3-layers has no {name!r} any more; fix the name here.")
    return found[0]


if __name__ == "__main__":
    main()
