"""The table of routes: a new kind of message is one row of it, and every part of the package follows."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pyarrow as pa
import pytest
import trio
import trio.testing
from helpers.cli_logs import ask

import neuro_actors as na
from neuro_actors.channels import routes
from neuro_actors.channels.choose_channels import choose_channels
from neuro_actors.channels.routes import ROUTES, End, Moment, Over, RouteSpec, Steps
from neuro_actors.neuron.messages import ACTIVATION, URGENCY
from neuro_actors.viewer.page_data import collect_page_data

PROBES = RouteSpec(
    "probes", "probe", Over.NEURONS, End.ITSELF, End.ENVIRONMENT, Moment.RESPOND, Steps.WITH_LOSS,
    "backward", replayed=False,
)  # fmt: skip
ECHOES = RouteSpec(
    "echoes", "echo", Over.SYNAPSES, End.TARGET, End.SOURCE, Moment.RESPOND, Steps.WITH_LOSS,
    "backward", replayed=False,
)  # fmt: skip
HINTS = RouteSpec(
    "hints", "hint", Over.OUTPUTS, End.ITSELF, End.LOSS_NODE, Moment.FIRE, Steps.WITH_LOSS,
    "forward", answered_by="loss_to_outputs", replayed=False,
)  # fmt: skip
WHISPERS = RouteSpec(  # inputs send them, too

    "whispers", "whisper", Over.SYNAPSES, End.SOURCE, End.TARGET, Moment.FIRE, Steps.WITH_LOSS,
    "forward", answered_by="backward", replayed=False,
)  # fmt: skip
NEW = {"probe": PROBES, "echo": ECHOES, "hint": HINTS, "whisper": WHISPERS}
X, TARGETS = [[0.1, 0.2], [0.3, 0.4]], [[1.0], [0.0]]
CRASHES = [  # each of a member that sends a new kind, at its worst places
    na.faults.Kill(neuron, place, step)
    for neuron, place, step in (
        ("h1.1", "between urgencies", 2),
        ("h1.2", "before commit", 2),
        ("h2.1", "after commit", 2),
        ("y0", "between activations", 3),
        ("h1.0", "between activations", 2),
        ("h2.0", "at the deadline", 3),
    )
]
FAULTS = na.Unreliable(
    drop=0.3, duplicate=0.3, reorder=0.3, corrupt=0.05, crash=0.2, seed=5, faults=CRASHES
)
ENGINES = {"memory": "memory", "bundled": "bundled", "faults": FAULTS}


class Talkative:
    """A member's port that sends a message of the new kind, before its own activations or urgencies.

    Row i of it holds the member's number, and i behind the point. It also notes what arrives.
    """

    def __init__(self, port, kind: str, number: int, mail: list) -> None:
        self._port, self._kind, self._number, self._mail = port, kind, number, mail

    def __getattr__(self, name: str):
        return getattr(self._port, name)

    losses = property(fset=lambda self, losses: setattr(self._port, "losses", losses))

    async def receive(self, kind):
        step = await self._port.receive(kind)
        after = ACTIVATION if NEW[self._kind].moment is Moment.FIRE else URGENCY
        if step is not None and step.loss is not None and kind == after:
            self._mail.append((self.node, step.number, self._port.received.get(self._kind)))
        return step

    def send(self, kind, step) -> None:
        before = ACTIVATION if NEW[self._kind].moment is Moment.FIRE else URGENCY
        out = self._port.out.get(self._kind)  # None: the member sends none
        if kind == before and out is not None and step.loss is not None:
            out[...] = self._number + np.arange(len(out))[:, None] / 10
            self._port.send(self._kind, step)
        self._port.send(kind, step)


def talkative(engine: str, kind: str, mail: list):
    """Channels in which every neuron and input sends the messages of that kind that are its own.

    What arrives is appended to `mail`: the receiver, the step, the rows. At the environment also.
    """

    def make(network, recorder):
        made = choose_channels(ENGINES[engine])(network, recorder)
        run_member, wait_end = made.run_member, made.environment.wait_end

        def run(member, create_rule, life):
            return run_member(
                member,
                create_rule,
                lambda rule, port: life(rule, Talkative(port, kind, member, mail)),
            )

        async def wait_and_note():
            await wait_end()
            mail.append(("environment", 0, made.environment.received.get(kind)))

        made.run_member, made.environment.wait_end = run, wait_and_note
        return made

    return make


@pytest.fixture(params=NEW)
def kind(request, monkeypatch: pytest.MonkeyPatch) -> str:
    """A kind of message that only this test knows: it adds a row to the table, and nothing else."""
    monkeypatch.setattr(routes, "ROUTES", (*ROUTES, NEW[request.param]))
    return request.param


def carrying(kind: str) -> list[str]:
    """The engines that carry a kind of message."""
    return [engine for engine in ENGINES if (engine, kind) != ("bundled", "whisper")]


EVERY_ENGINE = pytest.mark.parametrize(
    ("kind", "engine"),
    [(kind, engine) for kind in NEW for engine in carrying(kind)],
    indirect=["kind"],
)


@pytest.fixture
def net() -> na.Network:
    return na.Network.layered([2, 3, 2, 1], seed=0)


@EVERY_ENGINE
async def test_a_new_kind_of_message_is_one_row_of_the_table(
    kind: str, engine: str, net: na.Network, tmp_path, autojump_clock, monkeypatch
) -> None:
    """It is carried, counted, recorded, read back and audited."""
    path, mail = tmp_path / "run.arrows", []
    n = len(net.ids) - len(net.inputs)
    listening = int((~net.is_input[net.sources]).sum())
    expected = {
        "probe": n,
        "echo": listening,
        "whisper": len(net.synapses),
        "hint": len(net.outputs),
    }[kind]
    async with na.open_simulation(net, talkative(engine, kind, mail), log=path) as simulation:
        await simulation.predict(X)
        assert simulation.statistics().messages == count(net, with_loss=False)
        gradient = await simulation.gradient(X, TARGETS)
        assert simulation.statistics().messages == (
            count(net, with_loss=False) + count(net, with_loss=True) + expected
        )
        check_received(kind, net, mail)
        faults = simulation.statistics().disturbances
        assert faults is None or faults["lost"] > 5 < faults["doubled"]
        assert faults is None or faults["restarts"] > 3
    with monkeypatch.context() as patch:  # as it is without the kind
        patch.setattr(routes, "ROUTES", ROUTES)
        plain = na.gradient(net, X, TARGETS)
    assert np.array_equal(gradient.weights, plain.weights)

    rows = na.open_log(path).messages(kind=kind)
    assert len(rows) == expected
    assert set(rows["step"].to_pylist()) == {2}
    sent = list(zip(*(rows[name].to_pylist() for name in ("sender", "receiver")), strict=True))
    if kind == "probe":
        assert sorted(sent) == sorted((name, "environment") for name in net.ids[2:])
    elif kind == "hint":
        assert sent == [("y0", "loss")]
    elif kind == "whisper":
        assert sorted(sent) == sorted((s.source, s.target) for s in net.synapses)
    else:
        synapses = [(s.target, s.source) for s in net.synapses if s.source not in net.inputs]
        assert sorted(sent) == sorted(synapses)
    assert all(len(values) == 2 for values in rows["value"].to_pylist())
    assert (
        na.open_log(path).messages(phase=NEW[kind].phase)["kind"].to_pylist().count(kind)
        == expected
    )

    audit = na.audit(path)
    assert audit.passed
    assert audit.messages == count(net, with_loss=False) + count(net, with_loss=True) + expected
    assert (
        audit.given == 2 * 2 + 1 + expected
    )  # what the environment sent, and what is not replayed


def check_received(kind: str, net: na.Network, mail: list) -> None:
    """Each receiver has the rows of its senders, in the order of the routes.

    A member that crashed has received them again, with equal bits.
    """
    received = {name: rows for name, _, rows in mail if rows is not None and len(rows)}
    if kind == "probe":
        numbers = [net.position[name] for name in net.ids[2:]]
        assert received.keys() == {"environment"}
        assert np.array_equal(received["environment"], np.outer(numbers, [1, 1]))
        return
    if kind == "hint":
        assert received.keys() == {"loss"}
        assert np.array_equal(received["loss"], [[7.0, 7.0]])
        return
    receivers = net.ids[2:] if kind == "whisper" else net.ids[2:-1]
    assert received.keys() == set(receivers)
    for name, _, rows in mail:
        if name not in receivers:
            continue
        if kind == "whisper":
            senders = [s.source for s in net.synapses if s.target == name]
            rows_of = [outgoing(net, sender).index(name) for sender in senders]
        else:
            senders = outgoing(net, name)
            rows_of = [incoming(net, sender).index(name) for sender in senders]
        expected = [net.position[k] + i / 10 for k, i in zip(senders, rows_of, strict=True)]
        assert np.array_equal(rows, np.outer(expected, [1, 1]))


def outgoing(net: na.Network, name: str) -> list[str]:
    return [s.target for s in net.synapses if s.source == name]


def incoming(net: na.Network, name: str) -> list[str]:
    """The sources of a neuron that listen for what comes back."""
    return [s.source for s in net.synapses if s.target == name and s.source not in net.inputs]


def count(net: na.Network, *, with_loss: bool) -> int:
    """The messages of a step of the kinds that the package has."""
    inputs, neurons, outputs = len(net.inputs), len(net.ids) - len(net.inputs), len(net.outputs)
    forward = inputs + len(net.synapses) + 2 * outputs + 1
    back = int((~net.is_input[net.sources]).sum()) + outputs + neurons
    return forward + (outputs + back) * with_loss


@EVERY_ENGINE
async def test_a_changed_message_of_the_new_kind_is_found(
    kind: str, engine: str, net: na.Network, tmp_path, autojump_clock
) -> None:
    """No replay can prove it: the digest chain does."""
    path, changed = tmp_path / "run.arrows", tmp_path / "changed.arrows"
    async with na.open_simulation(net, talkative(engine, kind, []), log=path) as simulation:
        await simulation.gradient([[0.1, 0.2]], [[1.0]])
    with pa.ipc.open_stream(str(path)) as stream:
        table = stream.read_all()
        schema = stream.schema
    kinds, values = table["kind"].to_pylist(), table["value"].to_pylist()
    values[kinds.index(kind)][0] += 1
    place = table.schema.get_field_index("value")
    forged = table.set_column(
        place, schema.field("value"), pa.array(values, schema.field("value").type)
    )
    with pa.ipc.new_stream(str(changed), schema) as out:
        out.write_table(forged.combine_chunks())
    audit = na.audit(changed)
    assert not audit.passed
    assert "seal" in str(audit.lie)


async def test_all_engines_write_the_same_log(
    kind: str, net: na.Network, tmp_path, autojump_clock
) -> None:
    """Byte for byte, a step that only predicts, one that learns, one with urgencies of inputs."""
    logs = []
    for engine in carrying(kind):
        path = tmp_path / f"{engine}.arrows"
        async with na.open_simulation(net, talkative(engine, kind, []), log=path) as simulation:
            await simulation.predict([[0.1, 0.2]])
            await simulation.train_step([[0.1, 0.2]], [[1.0]], optimizer=na.SGD(0.1))
            await simulation.gradient([[0.1, 0.2]], [[1.0]], wrt_inputs=True)
        logs.append(path.read_bytes())
    assert len(set(logs)) == 1


def test_bundled_channels_refuse_what_inputs_send_when_they_fire(
    net: na.Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "ROUTES", (*ROUTES, WHISPERS))
    with pytest.raises(na.InputError, match="do not carry 'whispers'.*use channels=\"memory\""):
        na.gradient(net, X, TARGETS, channels="bundled")


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (replace(WHISPERS, answered_by=""), "cannot ask for it"),
        (replace(WHISPERS, answered_by="backwards"), "'backwards' cannot answer it"),
        (replace(WHISPERS, answered_by="loss_to_outputs"), "'loss_to_outputs' cannot answer it"),
        (replace(WHISPERS, answered_by="to_loss"), "'to_loss' cannot answer it"),
        (replace(ECHOES, answered_by="backward"), "'backward' cannot answer it"),
    ],
)
def test_a_message_that_could_be_lost_for_ever_is_refused(
    row: RouteSpec, problem: str, net: na.Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before work starts, by channels that lose messages."""
    monkeypatch.setattr(routes, "ROUTES", (*ROUTES, row))
    with pytest.raises(na.InputError, match=f"^routes '{row.name}': .*{problem}"):
        na.gradient(net, X, TARGETS, channels=FAULTS)


def test_shards_refuse_a_kind_that_cannot_cross_a_cut(kind: str, net: na.Network) -> None:
    """Before any worker is started."""
    with pytest.raises(na.InputError, match=f"no '{kind}' crosses the cut .* use replicas alone"):
        na.Ray(shards=2).partition_for(net, na.rules.Backpropagation(), "ordered")
    na.Ray(replicas=1).partition_for(net, na.rules.Backpropagation(), "ordered")


def test_words_of_the_new_kind(
    kind: str, net: na.Network, tmp_path, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`log show`, queries, the fault log, the summary, a trace and a page take it as it is."""
    path, row = tmp_path / "run.arrows", NEW[kind]

    async def society() -> None:
        make = talkative("faults", kind, [])
        async with na.open_simulation(net, make, log=path) as simulation:
            await simulation.gradient(X, TARGETS)

    trio.run(society, clock=trio.testing.MockClock(autojump_threshold=0))
    log = na.open_log(path)
    sent = log.messages(kind=kind)
    faults = [fault for fault in log.disturbances if fault.kind == kind]
    assert {fault.what for fault in faults} >= ({"lost"} if len(sent) > 1 else set())

    run_cli = partial(ask, capsys=capsys, monkeypatch=monkeypatch)
    shown = run_cli("show", path)
    pairs = {(m["sender"], m["receiver"]) for m in sent.to_pylist()}
    for sender, receiver in pairs:
        assert f"step 1: {sender} told {receiver}: {kind} " in shown
    lost = {(f.source, f.target) for f in faults if f.what == "lost" and not f.question}
    assert lost <= pairs
    for sender, receiver in lost:
        line = shown[shown.index(f"step 1: {sender} told {receiver}: {kind} ") :].splitlines()[1]
        assert f"    {kind} {sender} -> {receiver} " in line, "a fault stands below its message"
    assert f"{len(sent)} {kind}" in run_cli("info", path)
    assert run_cli("show", path, "--phase", row.phase).count(f": {kind} ") == len(sent)
    counted = log.query(f"SELECT count(*) AS n FROM mail WHERE kind = '{kind}'")
    assert counted["n"].to_pylist() == [len(sent)]
    assert np.isfinite(log.step(1).loss)
    assert na.trace(log, neuron="h1.0").paths
    step = collect_page_data(log)["steps"][0]
    assert step["faults"]["lost"] >= len(lost)
