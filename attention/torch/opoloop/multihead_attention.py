"""The layer that stands where torch.nn.MultiheadAttention does. Published: P. Du et al., arXiv 2504.11083."""

import torch
from torch import nn

_TORCH_DEVICES = ("cpu", "cuda", "mps", "xla", "xpu", "hip", "meta", "cudnn", "vulkan")


def _device_uri(device):
    if isinstance(device, torch.device) or (
        isinstance(device, str) and device.split(":")[0] in _TORCH_DEVICES
    ):
        raise ValueError(
            f"device={str(device)!r} is where torch keeps tensors; here device is the URI of what solves the "
            "selection, 'annealing:' or 'emulator:' for instance (tensors stay on the CPU)"
        )
    if not isinstance(device, str):
        raise TypeError(f"device must be a URI such as 'annealing:', not {type(device).__name__}")
    return device


def _solver_option(name, doc):
    """A property of the layer that is kept among the operator's options, checked as the constructor does."""

    def get(self):
        return self._options[name]

    def assign(self, value):
        torch.ops.opoloop.qama_check(**{**self._options, name: value})
        self._options[name] = value

    return property(get, assign, doc=doc)


class QamaMultiheadAttention(nn.Module):
    """Multi-head attention whose heads select tokens by solving an Ising problem.

    Constructor and call follow :class:`torch.nn.MultiheadAttention`; docs/attention.md lists what differs.
    W_q, W_k, W_v have no bias, each input has a LayerNorm, and there is no output projection unless asked for:
    that is the published layer.

    Args:
        embed_dim: width E of query and output.
        num_heads: H, divides embed_dim; d = E/H is the width of a head.
        dropout: must be 0: there are no weights to drop. Put ``torch.nn.Dropout`` after the layer.
        bias: of ``out_proj``.
        add_bias_kv, add_zero_attn: must be False.
        kdim, vdim: widths of key and value; None = embed_dim.
        batch_first: inputs and output are [B, N, E] instead of [N, B, E].
        device: URI of what solves the problem, 'annealing:', 'emulator:', 'emulator:ntt-2016', 'exact:', ...
            (docs/devices.md); an attribute, so that a trained layer moves to another machine.
        dtype: torch.float32 or torch.float64; None = torch's default.
        form: 'v2', 'gated' or 'v1' (docs/qama.md, 3).
        q: binary digits of a selection, 1 ... 8; None = published for the form (1; v1: 3).
        c_q, c_l, c_m: coefficients; None = published for the form.
        sparsity, sparsity_target, long_range: the optional terms (docs/qama.md, eq. 3).
        scale: s of the scores; None = d^-1/2.
        norm: LayerNorm of query, key and value.
        out_proj: a Linear after the heads.
        divide_by_h: v1 only, the published division.
        seed: fixes every number the device draws. In training each forward pass draws its own (the buffer
            ``passes`` counts them); in eval() all passes draw the same, so that predictions reproduce.
        eval_samples: in eval(), so many independent samples are averaged.
        runs, steps: of the device; None = its choice; attributes, as what another device needs may differ.
        threads: 0 = torch.get_num_threads(); an attribute.
    """

    def __init__(
        self,
        embed_dim,
        num_heads,
        dropout=0.0,
        bias=True,
        add_bias_kv=False,
        add_zero_attn=False,
        kdim=None,
        vdim=None,
        batch_first=False,
        device="annealing:",
        dtype=None,
        *,
        form="v2",
        q=None,
        c_q=None,
        c_l=None,
        c_m=None,
        sparsity=0.0,
        sparsity_target=0.0,
        long_range=0.0,
        scale=None,
        norm=True,
        out_proj=False,
        divide_by_h=False,
        seed=1,
        eval_samples=1,
        runs=None,
        steps=None,
        threads=0,
    ):
        super().__init__()
        kdim = embed_dim if kdim is None else kdim
        vdim = embed_dim if vdim is None else vdim
        for name, value in (
            ("embed_dim", embed_dim),
            ("num_heads", num_heads),
            ("kdim", kdim),
            ("vdim", vdim),
            ("eval_samples", eval_samples),
        ):
            if value < 1:
                raise ValueError(f"{name} = {value}: at least 1")
        if embed_dim % num_heads != 0:
            raise ValueError(f"embed_dim = {embed_dim} is not divisible by num_heads = {num_heads}")
        if q is not None and not 1 <= q <= 8:
            raise ValueError(f"q = {q}: must be 1 to 8")
        if dropout != 0:
            raise ValueError(
                f"dropout = {dropout}: a selection has no weights to drop; put torch.nn.Dropout after the layer"
            )
        if add_bias_kv or add_zero_attn:
            raise ValueError("add_bias_kv and add_zero_attn would add tokens that no query has: must be False")
        self.embed_dim, self.num_heads, self.head_dim = embed_dim, num_heads, embed_dim // num_heads
        self.kdim, self.vdim, self.batch_first = kdim, vdim, batch_first
        self.dropout = 0.0
        # torch.nn.TransformerEncoderLayer asks this before it goes past self_attn to a fused softmax kernel.
        self._qkv_same_embed_dim = False
        # torch 2 looks at these two first, for the same question.
        self.in_proj_weight = self.in_proj_bias = None
        self.seed, self.eval_samples = seed, eval_samples
        self._options = {
            "device": _device_uri(device),
            "form": form,
            "bits": q,
            "c_q": c_q,
            "c_l": c_l,
            "c_m": c_m,
            "sparsity": sparsity,
            "sparsity_target": sparsity_target,
            "long_range": long_range,
            "scale": scale,
            "divide_by_h": divide_by_h,
            "runs": runs,
            "steps": steps,
            "threads": threads,
        }
        torch.ops.opoloop.qama_check(**self._options)

        def normalised(width):
            return nn.LayerNorm(width, dtype=dtype) if norm else nn.Identity()

        self.norm_q, self.norm_k, self.norm_v = normalised(embed_dim), normalised(kdim), normalised(vdim)
        self.q_proj = nn.Linear(embed_dim, embed_dim, bias=False, dtype=dtype)
        self.k_proj = nn.Linear(kdim, embed_dim, bias=False, dtype=dtype)
        self.v_proj = nn.Linear(vdim, embed_dim, bias=False, dtype=dtype)
        self.u = nn.Parameter(torch.empty(self.head_dim, dtype=dtype))
        self.out_proj = nn.Linear(embed_dim, embed_dim, bias=bias, dtype=dtype) if out_proj else None
        self.register_buffer("passes", torch.zeros((), dtype=torch.int64))
        self._reset_parameters()

    def _reset_parameters(self):
        nn.init.normal_(self.u)

    @property
    def device(self):
        """URI of what solves the selection; assigning another moves the layer, ValueError where unknown."""
        return self._options["device"]

    @device.setter
    def device(self, uri):
        torch.ops.opoloop.qama_check(**{**self._options, "device": _device_uri(uri)})
        self._options["device"] = uri

    runs = _solver_option("runs", "Reads or trajectories; None = the device's choice. ValueError below 1.")
    steps = _solver_option("steps", "Sweeps or round trips; None = the device's choice. ValueError below 1.")
    threads = _solver_option("threads", "0 = torch.get_num_threads(). ValueError below 0.")

    def forward(
        self,
        query,
        key,
        value,
        key_padding_mask=None,
        need_weights=True,
        attn_mask=None,
        average_attn_weights=True,
        is_causal=False,
    ):
        """Attention of N tokens among themselves.

        Args:
            query, key, value: [N, B, E], or [B, N, E] with batch_first, or [N, E]; of one length N, widths
                embed_dim, kdim, vdim.
            key_padding_mask: [B, N] ([N]); bool, True = the token is no part of the problem; or floating with
                0 and -inf.
            need_weights: also return the weights.
            attn_mask: [N, N] or [B*H, N, N]; bool, True = the ordered pair takes no part; or floating, added
                to the scores.
            average_attn_weights: mean over heads.
            is_causal: says, as in torch 2, that attn_mask is the causal mask, and changes nothing; refused
                without that mask.

        Returns:
            (output, weights): output shaped as query; zeros where a token is masked. weights [B, N, N], or
            [B, H, N, N] without averaging, without B for unbatched input, None without need_weights; they
            carry no gradient. gated: the softmax over selected tokens; v2 and v1: the share of token j in the
            energy of token i, -(J_ij a_i a_j + delta_ij h_i a_i), whose rows sum to that energy.

        Raises:
            ValueError: bad input, in one line. RuntimeError: the device failed.
        """
        if is_causal and attn_mask is None:
            raise ValueError("is_causal=True says that attn_mask is the causal mask, and there is no attn_mask")
        batched = query.dim() == 3
        tensors = {"query": query, "key": key, "value": value}
        widths = (self.embed_dim, self.kdim, self.vdim)
        for (name, tensor), width in zip(tensors.items(), widths):
            if tensor.dim() != query.dim() or tensor.dim() not in (2, 3) or tensor.shape[-1] != width:
                wanted = "[N, {0}], [B, N, {0}]" if self.batch_first else "[N, {0}], [N, B, {0}]"
                raise ValueError(f"{name} is {list(tensor.shape)}, expected {wanted.format(width)}")
            if tensor.shape[:-1] != query.shape[:-1]:
                raise ValueError(
                    f"{name} is {list(tensor.shape)}, query {list(query.shape)}: QAMA selects among the tokens "
                    "of one sequence, so query, key and value have one length and batch"
                )

        def heads(tensor, norm, projection):
            if not batched:
                tensor = tensor.unsqueeze(0)
            elif not self.batch_first:
                tensor = tensor.transpose(0, 1)
            # [B, N, E] -> [B, H, N, d]
            projected = projection(norm(tensor))
            return projected.unflatten(-1, (self.num_heads, self.head_dim)).transpose(1, 2)

        q = heads(query, self.norm_q, self.q_proj)
        k = heads(key, self.norm_k, self.k_proj)
        v = heads(value, self.norm_v, self.v_proj)
        if key_padding_mask is not None and not batched:
            key_padding_mask = key_padding_mask.unsqueeze(0)

        training_pass = -1
        if self.training:
            training_pass = int(self.passes)
            self.passes += 1
        outputs, weights = [], []
        for sample in range(1 if self.training else self.eval_samples):
            output, x, _, J, h = torch.ops.opoloop.qama(
                q,
                k,
                v,
                self.u,
                key_padding_mask,
                attn_mask,
                seed=torch.ops.opoloop.forward_seed(self.seed, training_pass, sample),
                **self._options,
            )
            outputs.append(output)
            if need_weights:
                form, scale = self._options["form"], self._options["scale"]
                weights.append(
                    torch.ops.opoloop.qama_weights(
                        q, k, x, J, h, key_padding_mask, attn_mask, form=form, scale=scale
                    )
                )
        output = sum(outputs) / len(outputs) if len(outputs) > 1 else outputs[0]
        if self.out_proj is not None:
            output = self.out_proj(output)
            if key_padding_mask is not None:  # zeros where masked, also past the bias
                output = output.masked_fill(key_padding_mask.bool().unsqueeze(-1), 0)
        weight = None
        if need_weights:
            weight = sum(weights) / len(weights)
            weight = weight.mean(dim=1) if average_attn_weights else weight
        if not batched:
            return output.squeeze(0), None if weight is None else weight.squeeze(0)
        return output if self.batch_first else output.transpose(0, 1), weight

    def extra_repr(self):
        """Sizes and the options that are not at their defaults."""
        shown = [f"{self.embed_dim}, {self.num_heads}"]
        shown += [f"{k}={v!r}" for k, v in self._options.items() if v not in (None, False, 0)]
        return ", ".join(shown + [f"seed={self.seed}", f"eval_samples={self.eval_samples}"])
