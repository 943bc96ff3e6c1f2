"""Somebody has changed the record. Who can tell, and from what?

A society learns, and all that was said is written down. The first liar then
changes the last bit of one number: an audit, which replays each neuron alone,
names who is said to have lied, and when. The second liar changes what the
world said, where no neuron heard the difference, and makes all seals anew: his
history is without a contradiction, and only who knows the digest of the true
one can tell.
"""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import _common
import numpy as np
import pyarrow as pa

import neuro_actors as na
from neuro_actors.log.digest_chain import DigestChain

STEP, EXAMPLE = 7, 3  # of the first lie


def society(seed: int) -> na.Network:
    """`ear` alone hears the voice, and is a relu: of what is below its threshold it says 0."""
    neurons = [na.Input(name) for name in ("fur", "whiskers", "tail", "voice")]
    neurons += [
        na.Neuron("face", "tanh"),
        na.Neuron("body", "tanh"),
        na.Neuron("ear", "relu"),
        na.Neuron("cat", "sigmoid"),
    ]
    heard = {
        "face": ["fur", "whiskers"],
        "body": ["fur", "tail"],
        "ear": ["voice"],
        "cat": ["face", "body", "ear"],
    }
    synapses = [
        na.Synapse(source, target) for target, sources in heard.items() for source in sources
    ]
    return na.Network(neurons, synapses, ["cat"], seed=seed)


def rewrite(
    source: Path, target: Path, numbers: dict[int, np.ndarray], notes: dict[int, str]
) -> None:
    """Copy a log, batch by batch, with other numbers and notes in some of its rows."""
    first = 0
    try:
        with (
            pa.ipc.open_stream(source.read_bytes()) as log,
            pa.ipc.new_stream(str(target), log.schema) as copy,
        ):
            for batch in log:
                rows = range(first, first + len(batch))
                first += len(batch)
                value, note = batch.column("value"), batch.column("note").to_pylist()
                values = value.values.to_numpy().copy()
                for row in numbers.keys() & rows:
                    start, stop = (
                        value.offsets[row - rows[0]].as_py(),
                        value.offsets[row - rows[0] + 1].as_py(),
                    )
                    values[start:stop] = numbers[row]
                new = {
                    "value": pa.ListArray.from_arrays(value.offsets, pa.array(values)),
                    "note": pa.array(
                        [notes.get(row, old) for row, old in zip(rows, note, strict=True)],
                        pa.string(),
                    ),
                }
                columns = [new.get(name, batch.column(name)) for name in batch.schema.names]
                copy.write_batch(pa.record_batch(columns, schema=log.schema))
    except OSError as error:
        raise na.InputError(
            f"{str(target)!r} cannot be written: {error.strerror or error}"
        ) from None


def table(path: Path) -> list[dict]:
    """All rows of a log."""
    with pa.ipc.open_stream(path.read_bytes()) as log:
        return log.read_all().to_pylist()


def seals(rows: list[dict], metadata: bytes) -> dict[int, str]:
    """The notes of the rows that seal a history, by row: each digest is of the one before and of what the world said."""
    chain, notes, begin, said = DigestChain(metadata), {}, "", []
    for k, row in enumerate(rows):
        if row["kind"] == "begin":
            begin, said = row["note"], []
        elif row["sender"] == "environment":
            said += row["value"]
        elif row["kind"] == "seal":
            notes[k] = chain.add(row["step"], begin, np.array(said))
        elif row["kind"] == "end":
            notes[k] = chain.hex
    return notes


def find(rows: list[dict], **wanted) -> int:
    """The row in which these columns are so."""
    return next(
        k for k, row in enumerate(rows) if all(row[name] == value for name, value in wanted.items())
    )


def first_lie(honest: Path, forged: Path) -> None:
    rows = table(honest)
    row = find(rows, step=STEP, kind="activation", sender="body")
    said = np.array(rows[row]["value"])
    said.view(np.int64)[EXAMPLE - 1] ^= 1
    rewrite(honest, forged, {row: said}, {})

    print("THE FIRST LIAR\n")
    print(f"takes one number, what body said in step {STEP} of example {EXAMPLE}, and turns its")
    print("last bit around. All else is as it was: the columns, the description of")
    print("the network, the seals.\n")
    before, after = honest.read_bytes(), forged.read_bytes()
    apart = sum(a != b for a, b in zip(before, after, strict=True))
    print(f"  bytes in the file {len(before):,}, others than before {apart}\n")
    print("Who looks at it, as people print such numbers, sees:\n")
    for name, path in (("honest", honest), ("forged", forged)):
        log = na.open_log(path)
        values = log.step(STEP).activations[log.network.position["body"]]
        print(f"  {name}  step {STEP}: body said  {' '.join(f'{value:+.3f}' for value in values)}")
    print("\nAn audit gives each neuron, alone, what it began with and its mail, lets it")
    print("say everything again, and compares bits:\n")
    lie = na.audit(forged).lie
    assert lie is not None
    print(f"  who          {lie.who}")
    print(f"  when         step {lie.step}, row {lie.row} of the log")
    print(f"  what         {lie.what}, {lie.where}")
    print(f"  said         {lie.said!r}")
    print(f"  should have  {lie.should!r}")


def second_lie(honest: Path, forged: Path, digest: str) -> None:
    log, rows = na.open_log(honest), table(honest)
    ear, voice = log.network.position["ear"], log.network.inputs.index("voice")
    # where it is asleep, and a louder voice would not wake it
    step, example, louder = next(
        (recorded.info.number, int(k), 2 * recorded.inputs[voice, k])
        for recorded in log
        for k in np.flatnonzero(recorded.activations[ear] == 0)
        if asleep(log.network_at(recorded.info.number - 1), 2 * recorded.inputs[voice, k])
    )
    numbers = {}
    for who, whom in (
        ("environment", "voice"),
        ("voice", None),
    ):  # the world tells the voice, the voice its followers
        row = find(rows, step=step, kind="activation", sender=who, receiver=whom)
        rows[row]["value"][example] = louder
        numbers[row] = np.array(rows[row]["value"])
    with pa.ipc.open_stream(honest.read_bytes()) as stream:
        notes = seals(rows, stream.schema.metadata[b"neuro_actors"])
    rewrite(honest, forged, numbers, notes)

    print("\nTHE SECOND LIAR\n")
    print("knows this, and lies where no neuron can contradict him: about the world. The")
    print(
        f"voice is heard by ear alone, and of example {example + 1} in step {step} ear said 0, as a relu"
    )
    print("does of all that is below its threshold. Nobody could hear what the voice was:\n")
    for name, value in (("honest", louder / 2), ("forged", louder)):
        print(f"  {name}  {value:+.3f}")
    print(
        f"\nHe changes both rows that say it, and makes the seals anew: {len(notes)} digests, each"
    )
    print("out of the one before and of what the world said in a step. The audit:\n")
    audit, caught = na.audit(forged), na.audit(forged, digest=digest)
    print(
        f"  {'proved' if audit.passed else 'REFUSED'}: {audit.messages:,} messages, no contradiction\n"
    )
    print("It is a history as it might have been. But not the one whose digest we kept:\n")
    assert caught.lie is not None
    print(f"  {'proved' if caught.passed else 'REFUSED'}: {caught.lie.who} {caught.lie.what}")
    print(f"  {caught.lie.said}")
    print(f"  and should be\n  {caught.lie.should}")


def asleep(network: na.Network, voice: float) -> bool:
    """Whether ear says 0 of this voice, whatever else is there."""
    here = network.incoming.of(network.position["ear"])
    return bool(network.weights[here][0] * voice + network.biases[network.position["ear"]] < 0)


def main(arguments: Namespace) -> None:
    recording = _common.full_recording(arguments, "honest.arrows")
    honest = Path(recording.path)
    forged, clever = (arguments.out / f"{name}.arrows" for name in ("forged", "clever"))
    if honest.resolve() in (forged.resolve(), clever.resolve()):
        raise na.InputError(f"{str(honest)!r} is where a forged log goes: choose another name")
    rng = np.random.default_rng(arguments.seed)
    net, x = society(arguments.seed), rng.standard_normal((24, 4))
    is_cat = (x[:, [0]] + x[:, [1]] * x[:, [2]] > 0).astype(float)

    print("SPOT THE LIAR\n")
    na.train(
        net, x, is_cat, loss="cross_entropy", optimizer=na.SGD(0.3, momentum=0.5), epochs=5, batch_size=6,
        seed=arguments.seed, log=recording,
    )  # fmt: skip
    audit = na.audit(honest)
    print(f"A society of {_common.describe_size(net)} learns what a cat is.")
    print(f"All of its {audit.messages:,} messages in {audit.steps} steps are recorded: {honest}")
    print(
        f"The audit says: {'proved' if audit.passed else 'REFUSED'}. The last digest, to be kept where no liar is:\n"
    )
    print(f"  {audit.digest}\n")
    first_lie(honest, forged)
    second_lie(honest, clever, audit.digest)
    print("\nThe logs stay there for you to ask:\n")
    print(f"  neuro-actors audit {forged}")
    print(f"  neuro-actors audit {clever} \\\n    --digest {audit.digest}")


if __name__ == "__main__":
    _common.run(main, __doc__, out="the logs go")
