"""The proofs that a society is exact, and the searches for cases where it is not.

`verify.py` compares societies with `reference/` (matrices), finite differences and PyTorch.
`audit/` replays a recorded run neuron by neuron. `fault_campaign.py` runs societies in faulty
networks. This folder may import from all folders except `cli`; `reference/` imports from `network`
and `support` alone.

Start reading in `verify.py`.
"""
