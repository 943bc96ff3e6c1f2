"""`neuro-actors demo`: a society learns, and a page shows how."""

from __future__ import annotations

import time
import webbrowser
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from ..datasets import Dataset, silhouettes, spirals, xor
from ..support.errors import InputError
from ..support.files import check_free, whole_file
from ..support.hints import nearest_name
from ..support.text import escape_controls, quote
from .demo_pictures import draw_bar, draw_map, draw_picture
from .demo_texts import Teller
from .guess import WholeNumber

if TYPE_CHECKING:
    from ..log.log import Log
    from ..network.network import Network
    from ..neuron.optimizers import Optimizer
    from ..simulation.train import TrainingResult
    from ..support.arrays import Array

NAMES = ("xor", "spirals", "cats")
MARK = "README.txt"  # a folder of demos has it
LINES = 8  # of the table of losses


@dataclass(frozen=True, slots=True)
class Demo:
    """One of the demos.

    Attributes:
        data: What the society learns.
        hidden: The number of neurons of each hidden layer.
        optimizer: How each neuron learns.
        epochs: Passes through the data.
        batch: Examples of a step.
        every: One step of so many is recorded.
        synapse: A synapse of the network, for a question to the log.
        step: A recorded step, early enough that the weight of this synapse still changes.
    """

    data: Dataset
    hidden: tuple[int, ...]
    optimizer: Optimizer
    epochs: int
    batch: int
    every: int
    synapse: tuple[str, str]
    step: int


def choose_demo(name: str, seed: int) -> Demo:
    """Return the settings of a demo.

    Args:
        name: One of `NAMES`.
        seed: Seed of the data.
    """
    from ..neuron.optimizers import SGD, Adam, CosineDecay

    if name == "xor":
        return Demo(xor(), (4,), SGD(0.5, momentum=0.9), 60, 4, 1, ("x0", "h1.0"), 12)
    if name == "spirals":
        adam = Adam(CosineDecay(0.03, 120 * 6))
        return Demo(spirals(seed=seed), (12, 8), adam, 120, 32, 20, ("x0", "h1.0"), 21)
    sgd = SGD(0.05, momentum=0.9, weight_decay=0.003)
    return Demo(silhouettes(28, "cat", seed=seed), (16,), sgd, 15, 32, 20, ("x400", "h1.0"), 21)


class DemoName(click.Choice[str]):
    """The name of a demo. The error for another one lists the names, and guesses."""

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Return the name. See `click.Choice.convert`."""
        if value in NAMES:
            return super().convert(value, param, ctx)
        near = nearest_name(str(value), NAMES)
        guess = f"; did you mean {near!r}?" if near else ""
        message = f"there is no demo {quote(value)}; demos are {', '.join(NAMES)}{guess}"
        raise click.UsageError(message, ctx)


@click.command()
@click.argument("name", type=DemoName(NAMES), default="xor")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    default=Path("neuro_actors_demo"),
    show_default=True,
    help="The folder for log and page.",
)
@click.option("--no-open", is_flag=True, help="Do not show the page in a browser.")
@click.option(
    "--seed",
    type=WholeNumber(0),
    default=0,
    show_default=True,
    help="Seed of everything that is drawn at random.",
)
@click.option(
    "--lang",
    type=click.Choice(("en", "fr")),
    default="en",
    show_default=True,
    help="The language of what is printed.",
)
def demo(name: str, out: Path, no_open: bool, seed: int, lang: str) -> None:
    """Watch a small society learn: a run of a few seconds.

    \b
    neuro-actors demo             exclusive or: four examples, five neurons
    neuro-actors demo spirals     on which of two spirals is a point?
    neuro-actors demo cats        is this silhouette a cat?

    The run is recorded. A page shows every message of it, in a browser and
    without a network. Log and page are written into the folder --out.
    \f

    Raises:
        InputError: The folder exists, and no demo has made it.
    """
    from ..log.log import Log
    from ..log.recording_settings import Recording
    from ..network.network import Network
    from ..simulation.train import train
    from ..viewer.page import render_page
    from ..viewer.page_data import collect_page_data

    tell = Teller(lang)
    _make_folder(out, tell)
    log, page = out / f"{name}.arrows", out / f"{name}.html"
    check_free(page, force=True, failure=InputError)
    chosen = choose_demo(name, seed)
    x, targets = chosen.data
    network = Network.layered([x.shape[1], *chosen.hidden, 1], seed=seed)
    _introduce(name, chosen, network, tell)
    started = time.perf_counter()
    result = train(
        network,
        x,
        targets,
        loss="sigmoid_cross_entropy",
        optimizer=chosen.optimizer,
        epochs=chosen.epochs,
        batch_size=chosen.batch,
        seed=seed,
        log=Recording(log, every=chosen.every, overwrite=True),
    )
    _print_learning(result, time.perf_counter() - started, tell)
    _print_answers(name, result.network, chosen.data, seed, tell)
    record = Log(log)
    with whole_file(page, force=True) as html:
        html.write(render_page(collect_page_data(record)).encode("utf-8"))
    files = {"page": escape_controls(str(page)), "log": escape_controls(str(log))}
    _suggest(name, chosen, record, files, tell)
    if not no_open and not webbrowser.open(f"{page.resolve().as_uri()}#language={lang}"):
        click.echo(tell("no browser", page=files["page"]))


def _make_folder(folder: Path, tell: Teller) -> None:
    """Make the folder, or check that a demo has made it."""
    shown = repr(escape_controls(str(folder)))
    try:
        if folder.is_dir() and any(folder.iterdir()) and not _is_ours(folder):
            raise InputError(
                f"folder {shown} exists, and neuro-actors demo has not made it: "
                "choose another one with --out"
            )
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MARK).write_text(tell("mark"), encoding="utf-8")
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"--out {shown} cannot be a folder: {getattr(error, 'strerror', None) or error}"
        ) from None


def _is_ours(folder: Path) -> bool:
    mark = folder / MARK
    return mark.is_file() and "neuro-actors demo" in mark.read_text("utf-8", errors="replace")


def _introduce(name: str, chosen: Demo, network: Network, tell: Teller) -> None:
    """Print what is learned, and by whom."""
    data = chosen.data
    click.echo(
        tell(
            f"intro {name}",
            inputs=len(network.inputs),
            neurons=len(network.ids) - len(network.inputs),
            synapses=len(network.weights),
            examples=len(data.x),
        )
    )
    if data.picture:
        click.echo(draw_picture(data.x[0].reshape(data.picture)))
        click.echo()
    click.echo(tell("society"))


def _print_learning(result: TrainingResult, seconds: float, tell: Teller) -> None:
    """Print how the loss falls, epoch by epoch."""
    history = result.history
    shown = np.unique(np.geomspace(1, len(history), LINES).round().astype(int)) - 1
    most = max(history[k].loss for k in shown)
    click.echo(tell("table"))
    for k in shown:
        epoch = history[k]
        click.echo(
            tell(
                "row",
                epoch=epoch.epoch,
                loss=epoch.loss,
                bar=draw_bar(epoch.loss / most),
                right=epoch.accuracy or 0.0,
            )
        )
    click.echo(tell("messages", messages=result.messages, seconds=seconds))


def _suggest(name: str, chosen: Demo, log: Log, files: dict[str, str], tell: Teller) -> None:
    """Print where the run is, and commands to ask it with."""
    source, target = chosen.synapse
    following = {"xor": "spirals", "spirals": "cats", "cats": "xor"}[name]
    part = "" if chosen.every == 1 else tell("part", every=chosen.every)
    question = {"synapse": f"{source}:{target}", "step": chosen.step}
    example = _telling_example(log, chosen)
    click.echo(tell("end", **files, **question, example=example, part=part, next=following))


def _telling_example(log: Log, chosen: Demo) -> int:
    """Return the number of the example that urges the weight of the chosen synapse most."""
    step = log.step(chosen.step)
    ends = [(one.source, one.target) for one in log.network.synapses]
    sent = step.activations[log.network.ids.index(chosen.synapse[0])]
    back = step.urgencies[ends.index(chosen.synapse)]  # the weight times −∂L/∂z of the target
    return 1 + int(np.abs(sent * back).argmax())


def _print_answers(name: str, network: Network, data: Dataset, seed: int, tell: Teller) -> None:
    """Print what the society says now, as probabilities."""
    from ..network.functions import ACTIVATIONS
    from ..simulation.blocking import predict

    def answer(x: Array) -> Array:
        p: Array = ACTIVATIONS["sigmoid"].value(predict(network, x)[:, 0])
        return p

    if name == "xor":
        click.echo(tell("answers xor"))
        for x, target, p in zip(data.x, data.targets[:, 0], answer(data.x), strict=True):
            click.echo(tell("answer xor", a=int(x[0]), b=int(x[1]), p=p, target=int(target)))
        return
    new = spirals(seed=seed + 1) if name == "spirals" else silhouettes(28, "cat", "test", seed)
    right = (answer(new.x) >= 0.5) == (new.targets[:, 0] == 1.0)
    share = {"right": int(right.sum()), "all": len(right), "share": float(right.mean())}
    click.echo(tell(f"answers {name}", **share))
    if name == "spirals":
        click.echo(draw_map(answer, 3.4))
