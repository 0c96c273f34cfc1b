"""opoloop: attention on a coherent Ising machine, for torch (docs/attention.md).

>>> import torch, opoloop
>>> attention = opoloop.QamaMultiheadAttention(64, 8, batch_first=True, device="emulator:")
>>> x = torch.randn(2, 49, 64)
>>> output, weights = attention(x, x, x)
>>> output.shape, weights.shape
(torch.Size([2, 49, 64]), torch.Size([2, 49, 49]))

The operator itself is ``torch.ops.opoloop.qama``, and ``opoloop.qama`` is another name for it.
"""

import pathlib as _pathlib

import torch as _torch

_torch.ops.load_library(str(_pathlib.Path(__file__).parent / "libopoloop_torch.so"))

from .multihead_attention import QamaMultiheadAttention  # noqa: E402  (needs the library)

qama = _torch.ops.opoloop.qama
qama_weights = _torch.ops.opoloop.qama_weights

__all__ = ["QamaMultiheadAttention", "qama", "qama_weights"]
