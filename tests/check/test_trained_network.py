"""check.trained and check.learns: what passes, what fails, and in which words."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from byhand import check, checkpoints, data, training
from byhand.check.properties import trained_network
from byhand.check.subject import Elsewhere
from byhand.grading.course.notebooks import reference, source_notebook
from byhand.protocol.runner import LocalRunner

from .runners import local

LAYERS = reference(source_notebook(Path(__file__).parents[2], "3-layers"))
FILE = "net.npz"


def build():
    """The smallest network that learns digits."""
    return training.to_float32(LAYERS.Sequential(LAYERS.Linear(784, 10)))


def trainers(network, steps):
    return LAYERS.SGD(network, lr=0.1, momentum=0.9), None


@pytest.fixture(autouse=True)
def only_small_digits(tmp_path_factory, monkeypatch):
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    monkeypatch.delenv("BYHAND_DATA", raising=False)
    trained_network._digits.cache_clear()
    yield
    trained_network._digits.cache_clear()


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A file with weights that know about 97% of the small digits."""
    digits = data.small_digits()
    np.random.seed(0)
    network, criterion = build(), LAYERS.CrossEntropyLoss()
    optimizer, _ = trainers(network, 0)
    path = tmp_path_factory.mktemp("trained") / FILE
    images = digits.train_images.reshape(-1, 784)
    loader = LAYERS.DataLoader(images, digits.train_labels, 64, shuffle=True)
    images = digits.validation_images.reshape(-1, 784)
    with training.Run(network, optimizer, epochs=15, file=path, data=digits.name) as run:
        for _ in run.epochs():
            for X, y in run.batches(loader):
                run.loss = LAYERS.train_step(network, criterion, optimizer, X, y)
            answers = network(images).argmax(axis=1)
            run.validation_accuracy = np.mean(answers == digits.validation_labels)
    return path


@pytest.fixture
def handed_in(checkpoint, tmp_path, monkeypatch):
    """The file in the current folder, as it lies beside the student's notebook."""
    monkeypatch.chdir(tmp_path)
    Path(FILE).write_bytes(checkpoint.read_bytes())
    return Path(FILE)


def trained(builder=build, least_small=0.9, **options):
    return check.trained(builder, FILE, least=0.99, least_small=least_small, flat=True, **options)


def failure(call, *args, **kwargs):
    with pytest.raises(check.CheckFailed) as caught:
        call(*args, **kwargs)
    failed = [line for line in str(caught.value).splitlines() if line.startswith("  FAIL")]
    assert len(failed) == 1
    return str(caught.value)


def test_a_trained_network_passes(handed_in):
    report = trained()
    assert report.passed
    assert [line.name for line in report.lines] == ["validation images", "turned a little"]
    right = round(max(checkpoints.read_checkpoint(FILE).history.validation_accuracy) * 300)
    assert f"{right} of 300 right" in report.lines[0].text


def test_the_bar_is_held(handed_in):
    right = max(checkpoints.read_checkpoint(FILE).history.validation_accuracy)
    assert trained(least_small=right).passed
    assert "needed" in failure(trained, least_small=right + 1 / 300)


def test_an_untrained_network_fails(handed_in):
    training.save_checkpoint(FILE, build(), training.History(), data.small_digits().name)
    with pytest.raises(check.CheckFailed, match="validation images"):
        trained()


def test_a_list_of_the_answers_is_no_network(handed_in):
    digits = data.small_digits()
    known = {
        np.roll(image, (down, right), axis=(1, 2)).tobytes(): label
        for image, label in zip(digits.validation_images, digits.validation_labels, strict=True)
        for down, right in np.ndindex(3, 3)
    }

    class Listed(type(build())):
        def compute_output(self, x):
            seen = [known.get(image.tobytes(), 0) for image in np.asarray(x)]
            return np.eye(10, dtype=np.float32)[seen]

    def listed():
        return training.to_float32(Listed(*build().modules))

    text = failure(trained, listed, least_small=0.99)
    assert "ok    validation images         300 of 300 right" in text
    assert "Has it learned the images rather than the digits?" in text


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda path: path.unlink(), "net.npz is missing: run the cell that trains"),
        (lambda path: path.write_bytes(path.read_bytes()[:-50]), "net.npz is damaged or cut off"),
        (lambda path: path.write_bytes(b"\x80\x04]."), "net.npz is no .npz archive"),
        (lambda path: np.savez(path, a=np.ones(3)), "net.npz holds arrays, but is no checkpoint"),
        (lambda path: np.savez(path, a=np.array([{}])), "net.npz holds pickles"),
    ],
)
def test_a_file_that_is_no_checkpoint_is_one_line(handed_in, damage, says):
    damage(handed_in)
    assert f"FAIL  file                      {says}" in failure(trained)


def test_weights_of_another_network_are_one_line(handed_in):
    def other():
        return LAYERS.Sequential(LAYERS.Linear(784, 12), LAYERS.Linear(12, 10))

    assert "it holds 2 arrays, this one has 4" in failure(trained, other)


def test_a_file_from_other_data_is_told(handed_in):
    training.save_checkpoint(FILE, build(), training.History(), "my own digits")
    text = failure(trained)
    assert "was trained on my own digits, and counts on scikit-learn's small digits" in text


def test_mnist_that_the_grader_lacks_is_no_fault_of_the_student(handed_in):
    training.save_checkpoint(FILE, build(), training.History(), "MNIST")
    with pytest.raises(data.DataError, match=r"trained on MNIST.* Set BYHAND_DATA") as caught:
        trained()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("output", "says"),
    [
        (lambda x: None, "output should be an array, not None: is a `return` missing?"),
        (lambda x: np.zeros((len(x), 9)), "has shape (100, 9) for 100 images, expected (100, 10)"),
        (lambda x: np.zeros((len(x), 10), int), "expected an array of floating-point numbers"),
        (lambda x: np.full((len(x), 10), np.nan), "holds NaN or infinity"),
        (lambda x: 1 / 0, "raised ZeroDivisionError"),
    ],
)
def test_an_output_that_is_none_is_one_line(handed_in, output, says):
    class Broken(type(build())):
        def compute_output(self, x):
            return output(x)

    assert says in failure(trained, lambda_named(lambda: Broken(*build().modules)))


def lambda_named(function, name="build"):
    function.__name__ = name
    return function


@pytest.mark.parametrize("value", [None, [1, 2]])
def test_a_builder_that_returns_no_network_is_one_line(handed_in, value):
    assert "a network (a Module) was expected" in failure(trained, lambda_named(lambda: value))
    assert "a network (a Module) was expected" in failure(
        check.learns, lambda_named(lambda: value), trainers, LAYERS.CrossEntropyLoss, flat=True
    )


def test_a_network_that_is_too_slow_is_stopped(handed_in, monkeypatch):
    monkeypatch.setattr(trained_network, "PATIENCE", 1e-6)
    assert "300 images would take about 0 s" in failure(trained)


def test_a_network_that_hangs_is_stopped(handed_in, monkeypatch):
    monkeypatch.setattr(trained_network, "HOPELESS", 0.2)

    class Endless(type(build())):
        def compute_output(self, x):
            while True:
                pass

    text = failure(trained, lambda_named(lambda: Endless(*build().modules)))
    assert "stopped after 0.2 s, the time limit" in text


def sent():
    """The images that cross to the student's side in one check."""
    arrays = []

    class Spy(LocalRunner):
        def run(self, experiment):
            args = [arg for step in experiment.steps for arg in step.args]
            arrays.extend(arg for arg in args if isinstance(arg, np.ndarray))
            return super().run(experiment)

    check.trained(Elsewhere("build", local({"build": build}, Spy)), FILE, 0.99, 0.9, flat=True)
    return arrays


def test_no_label_crosses_to_the_students_side(handed_in):
    arrays = sent()
    assert {array.shape[1:] for array in arrays} == {(784,)}
    assert sum(map(len, arrays)) == 600


def test_the_images_come_in_another_order_each_time(handed_in):
    first, *others = (sent()[0] for _ in range(3))
    assert not all(np.array_equal(first, other) for other in others)


def test_everything_crosses_by_name(handed_in):
    names = {"build": build, "trainers": trainers, "CrossEntropyLoss": LAYERS.CrossEntropyLoss}
    runner = local(names)
    away = [Elsewhere(name, runner) for name in ("build", "trainers")]
    assert check.trained(away[0], FILE, 0.99, 0.9, flat=True).passed
    assert check.learns(*away, LAYERS.CrossEntropyLoss, flat=True).passed


def learns(builder=build, builder_of_trainers=trainers, criterion=LAYERS.CrossEntropyLoss):
    return check.learns(builder, builder_of_trainers, criterion, flat=True)


def test_a_network_that_learns_passes():
    report = learns()
    assert report.passed
    was, now = (float(word) for word in report.lines[0].text.split() if word[0].isdigit())
    assert now < 0.5 * was


@pytest.mark.parametrize(
    "wrong",
    [
        lambda network, steps: (LAYERS.SGD(network, lr=0.0), None),
        lambda network, steps: (LAYERS.SGD(network, lr=-0.1), None),
        lambda network, steps: (LAYERS.SGD(build(), lr=0.1), None),
    ],
    ids=["still", "uphill", "another network"],
)
def test_a_network_that_does_not_learn_fails(wrong):
    assert "loss on unseen images" in failure(learns, build, lambda_named(wrong, "trainers"))


def test_outputs_that_count_calls_have_not_learned():
    class Counting(type(build())):
        calls = 0

        def compute_output(self, x):
            self.calls += 1
            y = super().compute_output(x)
            return y * 0 if self.calls > trained_network.STEPS else 50 * y

    text = failure(learns, lambda_named(lambda: Counting(*build().modules)))
    assert "2.3 after" in text
    assert "It should fall to 2.07 at least" in text


def test_a_scheduler_is_given_all_steps_and_takes_them():
    taken = []

    def with_schedule(network, steps):
        return trainers(network, steps)[0], SimpleNamespace(step=lambda: taken.append(steps))

    assert learns(build, with_schedule).passed
    assert taken == [trained_network.STEPS] * trained_network.STEPS


def test_trainers_that_are_no_pair_are_one_line():
    text = failure(learns, build, lambda_named(lambda network, steps: None, "trainers"))
    assert "a pair (optimizer, scheduler) was expected, not None: is a `return` missing?" in text


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_training_that_runs_away_is_one_line():
    def fast(network, steps):
        return LAYERS.SGD(network, lr=float("inf")), None

    assert "the training loss is" in failure(learns, build, fast)


def test_what_is_not_written_is_said():
    def unwritten(*_):
        raise NotImplementedError

    assert "FAIL  unwritten                 unwritten is not implemented yet" in failure(
        learns, unwritten, unwritten
    )
    assert "is not implemented yet" in failure(trained, unwritten)


def test_right_networks_are_lucky_always(handed_in):
    for _ in range(20):
        assert trained().passed
        assert learns().passed


if (shared := Path(__file__).parents[3] / "shared" / "mnist").is_dir():

    def test_weights_from_the_small_digits_do_not_count_on_mnist(handed_in, monkeypatch):
        monkeypatch.setenv("BYHAND_DATA", str(shared))
        text = failure(trained)
        assert "was trained on scikit-learn's small digits, not MNIST, and counts on MNIST" in text
        assert "Train again where MNIST is at hand" in text
