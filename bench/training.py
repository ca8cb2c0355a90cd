"""What it costs to watch a training run: `python bench/training.py`.

The networks of 4-optimizers and 5-convnet learn random images in a notebook's kernel, with the loop
of the notebook: bar, picture, and a checkpoint after each epoch. Prints a table in Markdown: the
processor time of the whole process, and the share of it that went into anything but batches, steps
and answers to validation images.
The exit code is 1 if that is too much.
"""

import json
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

COURSE = Path(__file__).parents[1]
RUNS = [  # assignment, the function that builds its network, the shape of an image, epochs
    ("4-optimizers", "build_mlp", (784,), 4),
    ("5-convnet", "build_convnet", (1, 28, 28), 2),
]
MOST = 0.03  # of a run
CELL = """\
import json, time
from pathlib import Path
import numpy as np
from byhand import plots, training
from byhand.grading.course.notebooks import given_beside, reference, source_notebook

notebook = source_notebook(Path({course!r}), {assignment!r})
solution = reference(notebook)
with given_beside(notebook):
    import given

images = np.random.default_rng(0).random((50_000, *{shape}), dtype=np.float32)
labels = np.random.default_rng(1).integers(10, size=50_000)
network, criterion = solution.{build}(), given.CrossEntropyLoss()
learning = 0.0


class Timed(given.DataLoader):
    def __next__(self):
        global learning
        began = time.thread_time()
        try:
            return super().__next__()
        finally:
            learning += time.thread_time() - began


loader = Timed(images, labels, 64, shuffle=True)
optimizer, scheduler = solution.build_optimizer(network, {epochs} * len(loader))
watch = plots.live_training("noise", goal=0.99)
began = time.process_time()
with training.Run(
    network, optimizer, scheduler, epochs={epochs}, file={file!r}, data="noise", watch=watch
) as run:
    for _ in run.epochs():
        for X, y in run.batches(loader):
            step_began = time.thread_time()
            network.train()
            optimizer.zero_grad()
            prediction = network(X)
            loss = criterion(prediction, y)
            network.backward(X, criterion.backward(prediction, y))
            optimizer.step()
            scheduler.step()
            learning += time.thread_time() - step_began
            run.loss = loss
        step_began = time.thread_time()
        network.eval()
        right = [network(images[i : i + 500]).argmax(axis=1) for i in range(0, 10_000, 500)]
        learning += time.thread_time() - step_began
        run.validation_accuracy = np.mean(np.concatenate(right) == labels[:10_000])
work = time.process_time() - began
print("measured", json.dumps([work, 1 - learning / work]))
"""


def main() -> None:
    print(f"| run | seconds | of these for watching, at most {MOST:.0%} |\n|---|--:|--:|")
    too_much = False
    for assignment, build, shape, epochs in RUNS:
        with tempfile.TemporaryDirectory() as folder:
            values = dict(course=str(COURSE), assignment=assignment, build=build, shape=shape)
            text = CELL.format(**values, epochs=epochs, file=f"{folder}/net.npz")
            nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text)])
            NotebookClient(nb, timeout=600).execute()
        said = "".join(o.text for o in nb.cells[0].outputs if o.output_type == "stream")
        seconds, share = json.loads(said.rpartition("measured ")[2])
        print(f"| {build}, {epochs} epochs | {seconds:.1f} | {share:.1%} |", flush=True)
        too_much |= share > MOST
    sys.exit(too_much)


if __name__ == "__main__":
    main()
