"""Logs of less than everything: which steps, whose mail, which kinds."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

import neuro_actors as na
from neuro_actors.log.reader import LogReader, Row
from neuro_actors.proof.random_cases import draw_case


async def written(path, channels: str, case, steps: int = 7, **chosen) -> list[Row]:
    """Learning steps, but for the third and the sixth."""
    async with na.open_simulation(
        case.network, channels, log=na.Recording(path, overwrite=True, **chosen)
    ) as simulation:
        for step in range(1, steps + 1):
            if step == 3:
                await simulation.gradient(case.x, case.targets, case.loss, wrt_inputs=True)
            elif step == 6:
                await simulation.predict(case.x)
            else:
                await simulation.train_step(
                    case.x, case.targets, case.loss, optimizer=na.Adam(0.01)
                )
    return list(LogReader(path).rows())


@pytest.fixture
def case():
    return draw_case(11)


async def test_every_third_step(channels: str, case, tmp_path) -> None:
    """1, 4, 7; and before 4 and 7 what neurons had learnt: in 2, and in 5, for 3 and 6 taught nobody."""
    everything = await written(tmp_path / "all.arrows", channels, case)
    rows = await written(tmp_path / "a.arrows", channels, case, every=3)
    assert sorted({row.step for row in rows}) == [1, 2, 4, 5, 7]
    for step in (1, 4, 7):
        assert without_seals(rows, step) == without_seals(everything, step)
    for step in (2, 5):
        some = without_seals(rows, step)
        assert '"only": ["commit"]' in some[0].note
        assert some[1:] == [row for row in everything if row.step == step and row.kind == "commit"]
    log = na.open_log(tmp_path / "a.arrows")
    assert log.partial == {"every": 3, "neurons": None, "layers": None, "phases": None}
    assert [info.number for info in log.steps] == [1, 2, 4, 5, 7]
    whole = na.open_log(tmp_path / "all.arrows")
    assert whole.partial is None
    for step in (1, 2, 4, 5, 7):
        assert log.network_at(step) == whole.network_at(step)


async def test_some_neurons_mail_is_all_that_they_say_and_hear(
    channels: str, case, tmp_path
) -> None:
    everything = await written(tmp_path / "all.arrows", channels, case)
    network = case.network
    chosen = [
        name for name, is_input in zip(network.ids, network.is_input, strict=True) if not is_input
    ][:2]
    rows = await written(tmp_path / "a.arrows", channels, case, neurons=chosen)
    sources = {s.source for s in network.synapses if s.target in chosen}
    expected = [
        row for row in everything
        if row.sender in chosen or row.receiver in chosen or (row.sender in sources and row.receiver is None)
    ]  # fmt: skip
    assert [row for row in rows if row.sender is not None] == expected


async def test_a_layer_and_a_phase(channels: str, case, tmp_path) -> None:
    everything = await written(tmp_path / "all.arrows", channels, case)
    network = case.network
    level = dict(zip(network.ids, network.level.tolist(), strict=True))
    rows = await written(
        tmp_path / "a.arrows", channels, case, layers=[network.depth], phases=["backward", "commit"]
    )
    expected = [
        row for row in everything
        if row.kind in ("urgency", "commit") and network.depth in (level.get(row.sender), level.get(row.receiver))
    ]  # fmt: skip
    assert [row for row in rows if row.sender is not None] == expected
    rows = await written(tmp_path / "b.arrows", channels, case, phases=["loss"])
    assert [row for row in rows if row.sender is not None] == [
        row for row in everything if row.kind in ("target", "loss")
    ]


@pytest.mark.parametrize(
    "chosen", [{"every": 2}, {"every": 4, "layers": [1]}, {"phases": ["forward"]}]
)
async def test_engines_write_equal_partial_logs(
    chosen, case, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neuro_actors.log.recorder.FLUSH_SECONDS", float("inf"))
    for channels in ("memory", "bundled"):
        await written(tmp_path / channels, channels, case, **chosen)
    assert (tmp_path / "memory").read_bytes() == (tmp_path / "bundled").read_bytes()


async def test_in_a_partial_log_every_number_is_sealed(case, tmp_path) -> None:
    rows = await written(tmp_path / "a.arrows", "bundled", case, phases=["commit"])
    other = draw_case(11)
    weights = np.nextafter(other.network.weights, 9)  # what no replay of these rows can find out
    async with na.open_simulation(
        other.network.with_parameters(weights, other.network.biases), log=tmp_path / "b.arrows"
    ):
        pass
    metadata = pa.ipc.open_stream(tmp_path / "a.arrows").schema.metadata[b"neuro_actors"]
    from neuro_actors.log.digest_chain import DigestChain

    chain, step = DigestChain(metadata), [row for row in rows if row.step == 1]
    assert (
        chain.add(1, step[0].note, np.concatenate([row.value for row in step[1:-1]]))
        == step[-1].note
    )


@pytest.mark.parametrize(
    ("chosen", "match"),
    [
        ({"every": 0}, r"^every must be a whole number of at least 1, got 0$"),
        (
            {"neurons": "h1"},
            r"^neurons must be a list with something in it, or None for all, got 'h1'$",
        ),
        ({"neurons": ["h"]}, r"^there is no neuron 'h' to record; did you mean 'h[12]'\?$"),
        ({"layers": []}, r"^layers must be a list with something in it"),
        ({"layers": [9]}, r"^there is no level 9 to record: levels go from 0, the inputs, to 2$"),
        ({"phases": ["forwards"]}, r"^unknown phase 'forwards': did you mean 'forward'\?$"),
    ],
)
async def test_what_cannot_be_recorded(chosen, match: str, diamond, tmp_path) -> None:
    with pytest.raises(na.NeuroActorsError, match=match):
        async with na.open_simulation(diamond, log=na.Recording(tmp_path / "a.arrows", **chosen)):
            pytest.fail("no work may start")
    assert not (tmp_path / "a.arrows").exists()


async def test_overwriting_is_asked_for(diamond, batch, tmp_path) -> None:
    path = tmp_path / "a.arrows"
    for steps in (3, 1):
        async with na.open_simulation(
            diamond, log=na.Recording(path, overwrite=True)
        ) as simulation:
            for _ in range(steps):
                await simulation.predict(batch[0])
    assert len(na.open_log(path)) == 1


def without_seals(rows: list[Row], step: int) -> list[Row]:
    return [row for row in rows if row.step == step and row.kind not in ("seal", "end")]


def test_a_list_may_change_after_it_was_handed_over() -> None:
    given = {"neurons": ["h1.0"], "layers": [1], "phases": ["forward"]}
    recording = na.Recording("a.arrows", **given)
    before = repr(recording)
    for names in given.values():
        names.append("nobody")
    assert repr(recording) == before
