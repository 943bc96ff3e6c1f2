"""A message log was changed. What can be found out, and from what?

A society learns, and a log records all of its messages. The first liar changes
the last bit of one number. An audit replays each neuron alone, and names the
neuron and the step. The second liar changes an input where no neuron could
notice it, and computes all digests anew. Such a log has no contradiction; only
the last digest of the honest log shows that it is another one.
"""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import _common
import numpy as np
import pyarrow as pa

import neuro_actors as na
from neuro_actors.log.digest_chain import DigestChain

STEP, EXAMPLE = 7, 3  # where the first lie is


def make_society(seed: int) -> na.Network:
    """Return a network in which only `ear`, a relu, is a follower of the input voice."""
    neurons = [na.Input(name) for name in ("fur", "whiskers", "tail", "voice")]
    neurons += [
        na.Neuron("face", "tanh"),
        na.Neuron("body", "tanh"),
        na.Neuron("ear", "relu"),
        na.Neuron("cat", "sigmoid"),
    ]
    sources_of = {
        "face": ["fur", "whiskers"],
        "body": ["fur", "tail"],
        "ear": ["voice"],
        "cat": ["face", "body", "ear"],
    }
    synapses = [
        na.Synapse(source, target) for target, sources in sources_of.items() for source in sources
    ]
    return na.Network(neurons, synapses, ["cat"], seed=seed)


def rewrite(
    source: Path, target: Path, numbers: dict[int, np.ndarray], notes: dict[int, str]
) -> None:
    """Copy a log with other numbers and notes in some rows.

    Args:
        source: The log.
        target: The copy.
        numbers: By row: its new numbers. Shape (batch,) each.
        notes: By row: its new note.
    """
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
                    start, stop = (value.offsets[row - rows[0] + k].as_py() for k in (0, 1))
                    values[start:stop] = numbers[row]
                new_notes = [notes.get(row, old) for row, old in zip(rows, note, strict=True)]
                new = {
                    "value": pa.ListArray.from_arrays(value.offsets, pa.array(values)),
                    "note": pa.array(new_notes, pa.string()),
                }
                columns = [new.get(name, batch.column(name)) for name in batch.schema.names]
                copy.write_batch(pa.record_batch(columns, schema=log.schema))
    except OSError as error:
        raise na.InputError(
            f"{str(target)!r} cannot be written: {error.strerror or error}"
        ) from None


def read_rows(path: Path) -> list[dict]:
    """Return all rows of a log."""
    with pa.ipc.open_stream(path.read_bytes()) as log:
        return log.read_all().to_pylist()


def make_seals(rows: list[dict], metadata: bytes) -> dict[int, str]:
    """Return the notes of all rows with a digest, by row.

    Each digest covers the one before, and what the environment sent in the step.
    """
    chain, notes, begin, sent = DigestChain(metadata), {}, "", []
    for k, row in enumerate(rows):
        if row["kind"] == "begin":
            begin, sent = row["note"], []
        elif row["sender"] == "environment":
            sent += row["value"]
        elif row["kind"] == "seal":
            notes[k] = chain.add(row["step"], begin, np.array(sent))
        elif row["kind"] == "end":
            notes[k] = chain.hex
    return notes


def find_row(rows: list[dict], **wanted) -> int:
    """Return the first row whose columns have these values."""
    return next(
        k for k, row in enumerate(rows) if all(row[name] == value for name, value in wanted.items())
    )


def tell_first_lie(honest: Path, forged: Path) -> None:
    """Change the last bit of one number, and show that the audit finds it."""
    rows = read_rows(honest)
    row = find_row(rows, step=STEP, kind="activation", sender="body")
    numbers = np.array(rows[row]["value"])
    numbers.view(np.int64)[EXAMPLE - 1] ^= 1
    rewrite(honest, forged, {row: numbers}, {})

    print("THE FIRST LIAR\n")
    print(
        f"takes one number, the activation of body in step {STEP} for example {EXAMPLE}, and flips"
    )
    print("its last bit. Everything else stays: the columns, the description of the")
    print("network, the digests.\n")
    before, after = honest.read_bytes(), forged.read_bytes()
    changed = sum(a != b for a, b in zip(before, after, strict=True))
    print(f"  bytes in the file {len(before):,}, changed {changed}\n")
    print("With the usual number of digits, both logs look equal:\n")
    for name, path in (("honest", honest), ("forged", forged)):
        log = na.open_log(path)
        values = log.step(STEP).activations[log.network.position["body"]]
        print(f"  {name}  step {STEP}: body said  {' '.join(f'{value:+.3f}' for value in values)}")
    print("\nAn audit gives each neuron, alone, its first parameters and the messages that it")
    print("received. It computes again what the neuron sent, and compares the bits:\n")
    lie = na.audit(forged).lie
    assert lie is not None
    print(f"  who          {lie.who}")
    print(f"  when         step {lie.step}, row {lie.row} of the log")
    print(f"  what         {lie.what}, {lie.where}")
    print(f"  said         {lie.said!r}")
    print(f"  should have  {lie.should!r}")


def tell_second_lie(honest: Path, forged: Path, digest: str) -> None:
    """Change an input where no neuron could notice it, and show that only the digest tells."""
    log, rows = na.open_log(honest), read_rows(honest)
    ear, voice = log.network.position["ear"], log.network.inputs.index("voice")
    # An example in which ear says 0, and would say 0 of twice the voice too.
    step, example, louder = next(
        (recorded.info.number, int(k), 2 * recorded.inputs[voice, k])
        for recorded in log
        for k in np.flatnonzero(recorded.activations[ear] == 0)
        if is_silent(log.network_at(recorded.info.number - 1), 2 * recorded.inputs[voice, k])
    )
    numbers = {}
    # From the environment to the input, and from the input to its followers.
    for sender, receiver in (("environment", "voice"), ("voice", None)):
        row = find_row(rows, step=step, kind="activation", sender=sender, receiver=receiver)
        rows[row]["value"][example] = louder
        numbers[row] = np.array(rows[row]["value"])
    with pa.ipc.open_stream(honest.read_bytes()) as stream:
        notes = make_seals(rows, stream.schema.metadata[b"neuro_actors"])
    rewrite(honest, forged, numbers, notes)

    print("\nTHE SECOND LIAR\n")
    print("knows this, and changes an input: no neuron can compute it again. The only")
    print(
        f"follower of voice is ear. For example {example + 1} in step {step}, ear said 0, as a relu"
    )
    print("does for every signal below 0. So no message of ear depends on the voice there:\n")
    for name, value in (("honest", louder / 2), ("forged", louder)):
        print(f"  {name}  {value:+.3f}")
    print(f"\nThe liar changes both rows that contain it, and computes {len(notes)} digests anew,")
    print("each from the one before and from the inputs and targets of a step. The audit:\n")
    audit, caught = na.audit(forged), na.audit(forged, digest=digest)
    verdict = "proved" if audit.passed else "REFUSED"
    print(f"  {verdict}: {audit.messages:,} messages, no contradiction\n")
    print("All of it could have happened. But the last digest is not the one we noted:\n")
    assert caught.lie is not None
    print(f"  {'proved' if caught.passed else 'REFUSED'}: {caught.lie.who} {caught.lie.what}")
    print(f"  {caught.lie.said}")
    print(f"  and should be\n  {caught.lie.should}")


def is_silent(network: na.Network, voice: float) -> bool:
    """Whether ear says 0 for this voice."""
    here = network.incoming.of(network.position["ear"])
    return bool(network.weights[here][0] * voice + network.biases[network.position["ear"]] < 0)


def main(arguments: Namespace) -> None:
    recording = _common.full_recording(arguments, "honest.arrows")
    honest = Path(recording.path)
    forged, clever = (arguments.out / f"{name}.arrows" for name in ("forged", "clever"))
    if honest.resolve() in (forged.resolve(), clever.resolve()):
        raise na.InputError(f"{str(honest)!r} is where a forged log goes: choose another name")
    rng = np.random.default_rng(arguments.seed)
    net, x = make_society(arguments.seed), rng.standard_normal((24, 4))
    is_cat = (x[:, [0]] + x[:, [1]] * x[:, [2]] > 0).astype(float)

    print("SPOT THE LIAR\n")
    na.train(
        net,
        x,
        is_cat,
        loss="cross_entropy",
        optimizer=na.SGD(0.3, momentum=0.5),
        epochs=5,
        batch_size=6,
        seed=arguments.seed,
        log=recording,
    )
    audit = na.audit(honest)
    print(f"A society of {_common.describe_size(net)} learns what a cat is.")
    print(f"All of its {audit.messages:,} messages in {audit.steps} steps are recorded: {honest}")
    print(f"The audit says: {'proved' if audit.passed else 'REFUSED'}. We note its last digest:\n")
    print(f"  {audit.digest}\n")
    tell_first_lie(honest, forged)
    tell_second_lie(honest, clever, audit.digest)
    print("\nAsk the logs yourself:\n")
    print(f"  neuro-actors audit {forged}")
    print(f"  neuro-actors audit {clever} \\\n    --digest {audit.digest}")


if __name__ == "__main__":
    _common.run(main, __doc__, out="the logs go")
