"""A short training in JupyterLab: the live figure, Interrupt, and the run that goes on."""

import shutil

import nbformat
from playwright.sync_api import expect

from .conftest import COURSE, Desk

CELL = """\
import time
from pathlib import Path
import numpy as np
from byhand import plots, training
from byhand.nn import Scheduler
from given import CrossEntropyLoss, DataLoader, Linear, ReLU, SGD, Sequential

class Constant(Scheduler):
    def get_lr(self):
        return self.base_lr

rng = np.random.default_rng(0)
X, y = rng.normal(size=(400, 8)), rng.integers(3, size=400)
np.random.seed(0)
network, criterion = Sequential(Linear(8, 16), ReLU(), Linear(16, 3)), CrossEntropyLoss()
optimizer = SGD(network, lr=0.1)
scheduler = Constant(optimizer)
watch = plots.live_training("numbers", goal=0.99)
with training.Run(
    network, optimizer, scheduler, epochs=6, file="net.npz", data="numbers", watch=watch
) as run:
    for epoch in run.epochs():
        for batch, classes in run.batches(DataLoader(X, y, 20)):
            network.zero_grad()
            run.loss = criterion(network(batch), classes)
            network.backward(batch, criterion.backward(network.output, classes))
            optimizer.step()
            if epoch == 3:
                watch(run)
                while not Path("go-on").exists():  # until somebody presses Interrupt
                    time.sleep(0.01)
        run.validation_accuracy = 0.9 + epoch / 100
"""


def test_the_figure_grows_interrupt_keeps_it_and_the_run_goes_on(desk: Desk):
    shutil.copy(COURSE / "release" / "5-convnet" / "given.py", desk.home)
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    nb.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(nb, desk.home / "training.ipynb")
    notebook = desk.open("training.ipynb")
    desk.choose("Run", "Run All Cells")
    outputs = notebook.locator(".jp-OutputArea")
    figure = outputs.get_by_role("img", name="A training run, 3 of 6 epochs on numbers")
    expect(figure).to_be_visible()
    figure.scroll_into_view_if_needed()
    desk.keep("training-1-live-figure")

    notebook.get_by_role("button", name="Interrupt the kernel").click()
    expect(outputs).to_contain_text("Interrupted in epoch 4. net.npz holds epochs 1 to 3")
    outputs.get_by_text("Interrupted").scroll_into_view_if_needed()
    assert "Traceback" not in outputs.inner_text()
    desk.keep("training-2-interrupted")

    (desk.home / "go-on").touch()
    desk.choose("Run", "Run All Cells")
    expect(outputs).to_contain_text("net.npz holds 3 of 6 epochs: the run goes on from there.")
    expect(outputs).to_contain_text("the best epoch 6 with 95.00% on the validation data")
    whole = outputs.get_by_role("img", name="A training run, 6 of 6 epochs on numbers")
    expect(whole).to_be_visible()
    whole.scroll_into_view_if_needed()
    desk.keep("training-3-the-run-went-on")
