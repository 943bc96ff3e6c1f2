"""Audits of logs with interneurons, frozen parameters, positions and delays."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import forgery
from helpers.any_networks import draw
from helpers.forgery import KIND, NOTE, SENDER, STEP, VALUE
from helpers.gated_networks import IN_TIME, NETWORKS, record

import neuro_actors as na
from neuro_actors.log import schema
from neuro_actors.network import functions

ALL = NETWORKS | IN_TIME


@pytest.mark.parametrize("name", ALL)
def test_an_honest_log_is_proved(name: str, channels: str, tmp_path: Path) -> None:
    path = tmp_path / "a.arrows"
    record(path, ALL[name](), channels)
    audit = na.audit(path)
    assert audit.passed, str(audit)
    assert audit.exact
    assert audit.remarks == ()


@pytest.mark.parametrize("batch", [1, 4])
def test_other_batches_and_products(batch: int, tmp_path: Path) -> None:
    for name, make in ALL.items():
        record(tmp_path / f"{name}.arrows", make(), batch=batch)
        assert na.audit(tmp_path / f"{name}.arrows").passed


@pytest.mark.parametrize("delays", [False, True])
def test_what_is_drawn_at_random(delays: bool, tmp_path: Path, run_slow: bool) -> None:
    """It is proved, comes back as it was, and can be traced."""
    for seed in range(200 if run_slow else 12):
        network, *data = draw(seed, delays)
        path = tmp_path / f"{seed}.arrows"
        end = record(path, network, ("memory", "bundled")[seed % 2], data=data)
        audit = na.audit(path)
        assert audit.passed, (seed, str(audit))
        log = na.open_log(path)
        assert (log.network_at(0), log.network_at(log.steps[-1].number)) == (network, end)
        number = next(info.number for info in log.steps if info.mode == "gradient")
        for id in log.network.ids:
            why = na.trace(log, neuron=id, step=number)
            assert why.from_log is not None
            assert abs(why.total - why.from_log) <= why.bound, (seed, id)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize(
    "more",
    [
        {"micro_batches": 3},
        {"micro_batches": 3, "in_flight": 2},
        {"sums": "blas"},
        {"rule": na.rules.FeedbackAlignment(seed=1)},
    ],
    ids=str,
)
def test_other_rules_and_sums(name: str, more: dict[str, Any], tmp_path: Path) -> None:
    record(tmp_path / "a.arrows", NETWORKS[name](), **more)
    assert na.audit(tmp_path / "a.arrows").passed


def one_of_each(rows: list[forgery.Row], every_kind: bool) -> Iterator[int]:
    """The last row of each sender; or that of each kind, sender and step."""
    seen = set()
    for k in reversed(range(len(rows))):
        key = (rows[k][SENDER], *((rows[k][KIND], rows[k][STEP]) if every_kind else ()))
        if rows[k][SENDER] not in (None, "environment") and rows[k][VALUE] and key not in seen:
            seen.add(key)
            yield k


@pytest.mark.parametrize("name", ALL)
def test_a_number_by_one_last_bit(name: str, tmp_path: Path, run_slow: bool) -> None:
    """The member that sent it is named: neurons, interneurons, inputs, delays, the loss node."""
    path, other = tmp_path / "a.arrows", tmp_path / "b.arrows"
    record(path, ALL[name]())
    metadata, rows = forgery.read(path)
    rng = np.random.default_rng(0)
    tried = set()
    for k in one_of_each(rows, run_slow):
        forged = forgery.copied(rows)
        i = int(rng.integers(len(forged[k][VALUE])))
        forged[k][VALUE][i] = float(np.nextafter(forged[k][VALUE][i], 2.0))
        forgery.write(other, metadata, forged)
        lie = na.audit(other).lie
        assert lie is not None, rows[k]
        who = rows[k][SENDER]
        assert (lie.row, lie.who) == (k, "the loss" if who == "loss" else who), (str(lie), rows[k])
        tried.add(who)
    learners = set(ALL[name]().ids) | {"loss"}
    assert tried >= learners


def test_a_position_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.arrows"
    record(path, NETWORKS["pictures"]())
    metadata, rows = forgery.read(path)
    k = next(k for k, row in enumerate(rows) if row[SENDER] == "pool" and row[KIND] == "urgency")
    rows[k][VALUE][16 + 7] += 1.0  # of three examples of 16 positions
    forgery.write(path, metadata, rows)
    assert str(na.audit(path).lie).endswith("(example 2, position 7)")


def test_structure(tmp_path: Path) -> None:
    """The empty commit of an interneuron must be there, and empty."""
    path, other = tmp_path / "a.arrows", tmp_path / "b.arrows"
    record(path, NETWORKS["gated"]())
    metadata, rows = forgery.read(path)
    k = next(k for k, row in enumerate(rows) if row[KIND] == "commit" and row[SENDER] == "p")
    assert rows[k][VALUE] == []
    forged = forgery.copied(rows)
    del forged[k]
    forgery.write(other, metadata, forgery.sealed(metadata, forged))
    assert "p told the environment the commit" in str(na.audit(other).lie)
    forged = forgery.copied(rows)
    forged[k][VALUE] = [0.5]
    forgery.write(other, metadata, forgery.sealed(metadata, forged))
    assert "numbers, of what p told the environment the commit, are 1; it should be 0" in str(
        na.audit(other).lie
    )


@pytest.mark.parametrize(
    ("entry", "change"),
    [
        ("interneurons", lambda held: held[0].__setitem__(1, "sum")),  # p, a product
        ("frozen", lambda held: held.__setitem__("biases", held["biases"].replace("Q", "A"))),
    ],
)
def test_what_the_metadata_describe(entry: str, change: Any, tmp_path: Path) -> None:
    """Another network than the one that ran is refused, though it is sealed."""
    path = tmp_path / "a.arrows"
    record(path, NETWORKS["gated"]())
    metadata, rows = forgery.read(path)
    about = json.loads(metadata[b"neuro_actors"])
    before = json.dumps(about["network"][entry])
    change(about["network"][entry])
    assert json.dumps(about["network"][entry]) != before
    metadata[b"neuro_actors"] = json.dumps(about).encode()
    forgery.write(path, metadata, forgery.sealed(metadata, rows))
    audit = na.audit(path)
    assert audit.lie is not None
    assert audit.lie.who == ("p" if entry == "interneurons" else "g")


# --- partial logs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "part",
    [{"every": 2}, {"neurons": ["p", "h"]}, {"phases": ["backward", "commit"]}, {"layers": [2]}],
)
def test_partial_logs(part: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "a.arrows"
    record(na.Recording(path, **part), NETWORKS["gated"]())
    audit = na.audit(path)
    assert audit.lie is None
    assert audit.complete
    if (
        "every" in part
    ):  # momentum is not recorded: commits of the four that learn, in the last step
        assert audit.unproved == 4


def test_interneurons_are_proved_where_neurons_are_not(tmp_path: Path) -> None:
    """They have no parameters, and so none that are not known."""
    network = NETWORKS["gated"]()
    record(na.Recording(tmp_path / "a.arrows", every=2, phases=["forward", "loss"]), network)
    audit = na.audit(tmp_path / "a.arrows")
    receivers = network.outgoing.sizes + 2 * network.is_output
    assert audit.unproved == 2 * receivers[network.n_parameters > 0].sum()  # steps 3 and 5


@pytest.mark.parametrize("part", [{"every": 2}, {"phases": ["commit"]}])
def test_frozen_parameters_stay_though_nothing_else_is_proved(part: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.arrows"
    record(na.Recording(path, **part), NETWORKS["gated"]())
    metadata, rows = forgery.read(path)
    commits = [
        k for k, row in enumerate(rows)
        if row[KIND] == "commit" and row[SENDER] == "g" and row[STEP] >= 3
    ]  # fmt: skip
    for k in commits:
        forged = forgery.copied(rows)
        forged[k][VALUE][-1] = float(np.nextafter(forged[k][VALUE][-1], 2.0))
        forgery.write(path, metadata, forgery.sealed(metadata, forged))
        lie = na.audit(path).lie
        assert lie is not None
        assert (lie.row, lie.what) == (k, "committed for its bias the new value")


# --- another machine, and functions of a user's own --------------------------------------------------------------


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs on a machine whose tanh and logsumexp differ in their last bits."""
    fingerprint = schema.fingerprint

    def off(values: np.ndarray) -> np.ndarray:
        odd = np.arange(values.size).reshape(values.shape) % 2
        return np.asarray(values * (1.0 + np.finfo(float).eps * np.where(odd, 1.0, -1.0)))

    def go(path: Path, network: na.Network) -> None:
        tanh, lse = functions.ACTIVATIONS["tanh"], functions.COMBINATIONS["logsumexp"]
        with monkeypatch.context() as patch:
            patch.setitem(
                functions.ACTIVATIONS, "tanh",
                na.Activation(lambda z: off(tanh.value(z)), lambda z, a: off(tanh.slope(z, a))),
            )  # fmt: skip
            patch.setitem(
                functions.COMBINATIONS, "logsumexp",
                na.Combination(
                    lambda x: off(lse.value(x)), lambda x, a: off(lse.slopes(x, a)), nothing=-np.inf
                ),
            )  # fmt: skip
            patch.setattr(
                schema,
                "fingerprint",
                lambda sums: fingerprint(sums) | {"numpy": "1.2.3", "cpu": ["MMX"]},
            )
            record(path, network)

    return go


@pytest.mark.parametrize("name", NETWORKS)
def test_a_log_of_another_machine(name: str, elsewhere: Any, tmp_path: Path) -> None:
    path, other = tmp_path / "a.arrows", tmp_path / "b.arrows"
    elsewhere(path, NETWORKS[name]())
    audit = na.audit(path)
    assert audit.lie is None, str(audit.lie)
    assert audit.passed
    assert not audit.exact
    metadata, rows = forgery.read(path)
    for k in one_of_each(rows, every_kind=False):
        forged = forgery.copied(rows)
        forged[k][VALUE][0] += 1e-9
        forgery.write(other, metadata, forged)
        lie = na.audit(other).lie
        assert lie is not None, rows[k]
        assert lie.row == k, (str(lie), rows[k])


def test_a_run_through_time_is_audited_on_its_machine(elsewhere: Any, tmp_path: Path) -> None:
    elsewhere(tmp_path / "a.arrows", IN_TIME["recurrent"]())
    with pytest.raises(
        na.LogError, match=r"ThroughTime.* can be audited whole, and on the machine that made it"
    ):
        na.audit(tmp_path / "a.arrows")
    record(na.Recording(tmp_path / "b.arrows", every=2), IN_TIME["recurrent"]())
    with pytest.raises(na.LogError, match="it is a partial log"):
        na.audit(tmp_path / "b.arrows")


def test_a_combination_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        functions.COMBINATIONS, "mean",
        na.Combination(lambda x: x.mean(axis=0), lambda x, a: np.full(x.shape, 1 / len(x))),
    )  # fmt: skip
    neurons = [na.Input("x"), na.Neuron("h", "tanh"), na.Interneuron("m", "mean"), na.Neuron("y")]
    ends = [("x", "h"), ("h", "m"), ("x", "m"), ("m", "y")]
    network = na.Network(neurons, [na.Synapse(*pair) for pair in ends], ["y"])
    record(tmp_path / "a.arrows", network)
    assert na.audit(tmp_path / "a.arrows").passed
    log = na.open_log(tmp_path / "a.arrows")
    assert list(log.about["functions"]["combinations"]) == ["mean"]
    mean = functions.COMBINATIONS["mean"]
    monkeypatch.setitem(
        functions.COMBINATIONS, "mean", na.Combination(lambda x: x.max(axis=0), mean.slopes)
    )
    with pytest.raises(
        na.LogError, match="the combination 'mean' is another function here than in the run"
    ):
        na.audit(tmp_path / "a.arrows")
    monkeypatch.delitem(functions.COMBINATIONS, "mean")
    with pytest.raises(na.LogError, match="unknown combination 'mean'"):
        na.audit(tmp_path / "a.arrows")
    assert na.open_log(tmp_path / "a.arrows").step(1).activations.shape == (
        4,
        3,
    )  # read all the same


def test_a_combination_that_shares_a_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the same in the replay, but where others receive other mail."""
    last = [0.0]

    def value(x: np.ndarray) -> np.ndarray:
        total = x.sum(axis=0)
        if x.shape[1] == 3:  # of a neuron, and of no probe
            total, last[0] = total + last[0], float(x.sum())
        return total

    own = na.Combination(value, lambda x, a: np.ones(x.shape))
    monkeypatch.setitem(functions.COMBINATIONS, "sharing", own)
    neurons = [
        na.Input("x"),
        na.Interneuron("m1", "sharing"),
        na.Interneuron("m2", "sharing"),
        na.Neuron("y"),
    ]
    ends = [("x", "m1"), ("m1", "m2"), ("m2", "y")]  # each after the other
    record(tmp_path / "a.arrows", na.Network(neurons, [na.Synapse(*pair) for pair in ends], ["y"]))
    last[0] = 0.0
    audit = na.audit(tmp_path / "a.arrows")
    assert audit.lie is None, str(audit.lie)
    assert not audit.passed
    assert "not proved that neurons are local" in audit.remarks[0]


def test_a_failure_in_an_interneuron(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that failed there is replayed as far as it came."""
    right, calls = functions.COMBINATIONS["product"], [0]

    def value(x: np.ndarray) -> np.ndarray:
        calls[0] += x.shape[1] == 3  # of a neuron, and of no probe
        return right.value(x) * (np.inf if calls[0] == 3 else 1.0)

    with monkeypatch.context() as patch:
        patch.setitem(functions.COMBINATIONS, "product", na.Combination(value, right.slopes))
        with pytest.raises(na.SimulationError, match="'p'"):
            record(tmp_path / "a.arrows", NETWORKS["gated"]())
    metadata, rows = forgery.read(tmp_path / "a.arrows")
    assert rows[-2][KIND] != "seal"
    about = json.loads(metadata[b"neuro_actors"])
    about["functions"]["combinations"].pop("product")
    metadata[b"neuro_actors"] = json.dumps(about).encode()
    forgery.write(tmp_path / "b.arrows", metadata, forgery.sealed(metadata, rows))
    audit = na.audit(tmp_path / "b.arrows")
    assert audit.lie is None, str(audit.lie)
    assert not audit.complete
    assert rows[-1][NOTE]
