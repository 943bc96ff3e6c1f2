"""A parameter that several neurons share, as the page on layers of one's own builds it, against PyTorch."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
from helpers.doc_blocks import blocks
from helpers.paths import DOCS
from helpers.tiers import need

torch = need("torch")

pytestmark = [pytest.mark.torch, pytest.mark.slow]


def test_the_tied_embedding_of_the_page() -> None:
    code = [
        text for language, text in blocks(DOCS / "layers-of-your-own.md") if language == "python"
    ]
    page: dict = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(code[0] + code[-1], page)
    net, gradient, is_parameter = page["tied"], page["gradient"], page["is_parameter"]
    index = {id: k for k, id in enumerate(net.ids)}
    units = [index[f"h.{k}"] for k in range(3)]
    matrix = np.array([net.weights[net.incoming.of(k)] for k in units])

    E, W = (torch.tensor(a, requires_grad=True) for a in (page["E"], matrix))
    bias = torch.tensor(net.biases[units], requires_grad=True)
    h = torch.tanh(torch.tensor(page["one"]) @ E @ W.T + bias)
    logits, wanted = h @ E.T, torch.tensor(page["following"])
    loss = -(wanted * torch.log_softmax(logits, -1)).sum()
    loss.backward()
    assert gradient.loss == pytest.approx(loss.item(), rel=1e-14)
    assert gradient.predictions == pytest.approx(logits.detach().numpy(), abs=1e-14)
    assert gradient.biases[is_parameter].reshape(5, 3) == pytest.approx(E.grad.numpy(), abs=1e-14)
    of_units = np.array([gradient.weights[net.incoming.of(k)] for k in units])
    assert of_units == pytest.approx(W.grad.numpy(), abs=1e-14)
    assert gradient.biases[units] == pytest.approx(bias.grad.numpy(), abs=1e-14)
