"""The table of routes: a new kind of message is one row of it, and every part of the package follows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

import neuro_actors as na
from neuro_actors.channels import routes
from neuro_actors.channels.choose_channels import choose_channels
from neuro_actors.channels.routes import ROUTES, End, Moment, Over, RouteSpec, Steps
from neuro_actors.neuron.messages import URGENCY

PROBES = RouteSpec(
    "probes", "probe", Over.NEURONS, End.ITSELF, End.ENVIRONMENT, Moment.RESPOND, Steps.WITH_LOSS,
    "backward", replayed=False,
)  # fmt: skip
ECHOES = RouteSpec(
    "echoes", "echo", Over.SYNAPSES, End.TARGET, End.SOURCE, Moment.RESPOND, Steps.WITH_LOSS,
    "backward", replayed=False,
)  # fmt: skip
NEW = {"probe": PROBES, "echo": ECHOES}


class Talkative:
    """A neuron's port that sends a message of the new kind before its urgencies.

    Row i of it holds the neuron's number, and i behind the point.
    """

    def __init__(self, port, kind: str, number: int) -> None:
        self._port, self._kind, self._number_of_neuron = port, kind, number

    def __getattr__(self, name: str):
        return getattr(self._port, name)

    def send(self, kind, step) -> None:
        if kind == URGENCY:
            out = self._port.out[self._kind]
            out[...] = self._number_of_neuron + np.arange(len(out))[:, None] / 10
            self._port.send(self._kind, step)
        self._port.send(kind, step)


def talkative(channels: str, kind: str, ports: list):
    """Channels in which every neuron sends messages of that kind."""

    def make(network, recorder):
        made = choose_channels(channels)(network, recorder)
        port = made.port

        def wrapped(k: int):
            ports.append(port(k))
            return port(k) if network.is_input[k] else Talkative(port(k), kind, k)

        made.port = wrapped
        ports.append(made.environment)
        return made

    return make


@pytest.fixture(params=NEW)
def kind(request, monkeypatch: pytest.MonkeyPatch) -> str:
    """A kind of message that only this test knows: it adds a row to the table, and nothing else."""
    monkeypatch.setattr(routes, "ROUTES", (*ROUTES, NEW[request.param]))
    return request.param


@pytest.fixture
def net() -> na.Network:
    return na.Network.layered([2, 3, 2, 1], seed=0)


async def test_a_new_kind_of_message_is_one_row_of_the_table(
    kind: str, channels: str, net: na.Network, tmp_path
) -> None:
    """It is carried, counted, recorded, read back and audited."""
    path, ports, x, t = tmp_path / "run.arrows", [], [[0.1, 0.2], [0.3, 0.4]], [[1.0], [0.0]]
    n = len(net.ids) - len(net.inputs)
    listening = int((~net.is_input[net.sources]).sum())
    expected = n if kind == "probe" else listening
    async with na.open_simulation(net, talkative(channels, kind, ports), log=path) as simulation:
        await simulation.predict(x)
        assert simulation.statistics().messages == count(net, with_loss=False)
        gradient = await simulation.gradient(x, t)
        assert simulation.statistics().messages == (
            count(net, with_loss=False) + count(net, with_loss=True) + expected
        )
        check_received(
            kind, net, {port.node: port for port in ports if hasattr(port, "node")}, ports
        )
    assert np.array_equal(gradient.weights, na.gradient(net, x, t).weights)

    rows = na.open_log(path).messages(kind=kind)
    assert len(rows) == expected
    assert set(rows["step"].to_pylist()) == {2}
    sent = list(zip(*(rows[name].to_pylist() for name in ("sender", "receiver")), strict=True))
    if kind == "probe":
        assert sorted(sent) == sorted((name, "environment") for name in net.ids[2:])
    else:
        synapses = [(s.target, s.source) for s in net.synapses if s.source not in net.inputs]
        assert sorted(sent) == sorted(synapses)
    assert all(len(values) == 2 for values in rows["value"].to_pylist())
    assert na.open_log(path).messages(phase="backward")["kind"].to_pylist().count(kind) == expected

    audit = na.audit(path)
    assert audit.passed
    assert audit.messages == count(net, with_loss=False) + count(net, with_loss=True) + expected
    assert (
        audit.given == 2 * 2 + 1 + expected
    )  # what the environment sent, and what is not replayed


def check_received(kind: str, net: na.Network, ports: dict, all_ports: list) -> None:
    """Each receiver has the rows of its senders, in the order of the routes."""
    if kind == "probe":
        (environment,) = {id(p): p for p in all_ports if hasattr(p, "begin")}.values()
        numbers = [net.position[name] for name in net.ids[2:]]
        assert np.array_equal(environment.received[kind], np.outer(numbers, [1, 1]))
        return
    for name in net.ids[2:-1]:
        followers = [s.target for s in net.synapses if s.source == name]
        rows = ports[name].received[kind]
        assert rows.shape == (len(followers), 2)
        assert rows[:, 0].astype(int).tolist() == [net.position[f] for f in followers]


def count(net: na.Network, *, with_loss: bool) -> int:
    """The messages of a step of the kinds that the package has."""
    inputs, neurons, outputs = len(net.inputs), len(net.ids) - len(net.inputs), len(net.outputs)
    forward = inputs + len(net.synapses) + 2 * outputs + 1
    back = int((~net.is_input[net.sources]).sum()) + outputs + neurons
    return forward + (outputs + back) * with_loss


async def test_a_changed_message_of_the_new_kind_is_found(
    kind: str, channels: str, net: na.Network, tmp_path
) -> None:
    """No replay can prove it: the digest chain does."""
    path, changed = tmp_path / "run.arrows", tmp_path / "changed.arrows"
    async with na.open_simulation(net, talkative(channels, kind, []), log=path) as simulation:
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


async def test_both_engines_write_the_same_log(kind: str, net: na.Network, tmp_path) -> None:
    """Byte for byte, a step that only predicts and one that learns."""
    logs = []
    for channels in ("memory", "bundled"):
        path = tmp_path / f"{channels}.arrows"
        async with na.open_simulation(net, talkative(channels, kind, []), log=path) as simulation:
            await simulation.predict([[0.1, 0.2]])
            await simulation.train_step([[0.1, 0.2]], [[1.0]], optimizer=na.SGD(0.1))
        logs.append(na.open_log(path).messages().to_pylist())
    assert logs[0] == logs[1]
