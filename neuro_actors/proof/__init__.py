"""The proofs that a society is exact, and the searches for cases where it is not.

This folder may import from all folders except `cli`; `reference/` imports from `network` and
`support` alone. Start with `verify.py`.

Files:

    verify.py          random societies, neuron by neuron; and against reference, PyTorch and more
    random_cases.py    draws networks of all shapes, each with a batch and a loss
    any_cases.py       draws small networks of any kind: gates, positions, fields, delays
    rounds.py          compares the rounds of one step, also of one through time
    mail.py            records the messages of a society for that
    reference/         the gradient by matrices, and how far rounding can bring results apart
    audit/             replays a recorded run, neuron by neuron, and finds the first lie
    torch_oracle.py    the gradient by PyTorch's autograd
    fault_campaign.py  random societies in faulty networks, against the same without faults
    shrink.py          a failing schedule of faults -> a few faults that fail as well
"""
