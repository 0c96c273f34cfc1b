from typing import NamedTuple, Optional, Tuple

import torch
from torch import Tensor, nn

__all__ = ["QamaMultiheadAttention", "qama", "qama_weights"]

class QamaMultiheadAttention(nn.Module):
    embed_dim: int
    num_heads: int
    head_dim: int
    kdim: int
    vdim: int
    batch_first: bool
    seed: int
    eval_samples: int
    norm_q: nn.Module
    norm_k: nn.Module
    norm_v: nn.Module
    q_proj: nn.Linear
    k_proj: nn.Linear
    v_proj: nn.Linear
    out_proj: Optional[nn.Linear]
    u: nn.Parameter
    passes: Tensor
    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: Optional[int] = None,
        vdim: Optional[int] = None,
        batch_first: bool = False,
        device: str = "annealing:",
        dtype: Optional[torch.dtype] = None,
        *,
        form: str = "v2",
        q: Optional[int] = None,
        c_q: Optional[float] = None,
        c_l: Optional[float] = None,
        c_m: Optional[float] = None,
        sparsity: float = 0.0,
        sparsity_target: float = 0.0,
        long_range: float = 0.0,
        scale: Optional[float] = None,
        norm: bool = True,
        out_proj: bool = False,
        divide_by_h: bool = False,
        seed: int = 1,
        eval_samples: int = 1,
        runs: Optional[int] = None,
        steps: Optional[int] = None,
        threads: int = 0,
    ) -> None: ...
    @property
    def device(self) -> str: ...
    @device.setter
    def device(self, uri: str) -> None: ...
    @property
    def runs(self) -> Optional[int]: ...
    @runs.setter
    def runs(self, runs: Optional[int]) -> None: ...
    @property
    def steps(self) -> Optional[int]: ...
    @steps.setter
    def steps(self, steps: Optional[int]) -> None: ...
    @property
    def threads(self) -> int: ...
    @threads.setter
    def threads(self, threads: int) -> None: ...
    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Optional[Tensor] = None,
        need_weights: bool = True,
        attn_mask: Optional[Tensor] = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> Tuple[Tensor, Optional[Tensor]]: ...
    def __call__(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Optional[Tensor] = None,
        need_weights: bool = True,
        attn_mask: Optional[Tensor] = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> Tuple[Tensor, Optional[Tensor]]: ...

class _QamaResult(NamedTuple):
    output: Tensor  # [B, N, H*d]; the only one that carries a gradient
    x: Tensor  # [B, H, N, q] int8
    energy: Tensor  # [B] float64
    J: Tensor  # [B, H, N, N]
    h: Tensor  # [B, H, N]

def qama(
    query: Tensor,  # [B, H, N, d]
    key: Tensor,
    value: Tensor,
    u: Tensor,  # [d]
    key_padding_mask: Optional[Tensor] = None,  # [B, N]
    attn_mask: Optional[Tensor] = None,  # [N, N] or [B*H, N, N]
    *,
    device: str = "annealing:",
    form: str = "v2",
    bits: Optional[int] = None,
    c_q: Optional[float] = None,
    c_l: Optional[float] = None,
    c_m: Optional[float] = None,
    sparsity: float = 0.0,
    sparsity_target: float = 0.0,
    long_range: float = 0.0,
    scale: Optional[float] = None,
    divide_by_h: bool = False,
    seed: int = 1,
    runs: Optional[int] = None,
    steps: Optional[int] = None,
    threads: int = 0,
) -> _QamaResult: ...
def qama_weights(
    query: Tensor,
    key: Tensor,
    x: Tensor,
    J: Tensor,
    h: Tensor,
    key_padding_mask: Optional[Tensor] = None,
    attn_mask: Optional[Tensor] = None,
    *,
    form: str = "v2",
    scale: Optional[float] = None,
) -> Tensor: ...  # [B, H, N, N]
