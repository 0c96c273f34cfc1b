"""opoloop.QamaMultiheadAttention: where it follows torch.nn.MultiheadAttention and where it says it does not."""

import copy
import inspect
import io
import pathlib
import pickle
import re
import unittest

import torch
from torch import nn

import opoloop
from opoloop import QamaMultiheadAttention

FAST = {"runs": 1, "steps": 20}


def layer(*arguments, seed=0, **options):
    torch.manual_seed(seed)
    return QamaMultiheadAttention(*arguments, **{**FAST, **options})


class Signature(unittest.TestCase):
    def test_follows_torch(self):
        ours = list(inspect.signature(QamaMultiheadAttention.__init__).parameters.items())
        theirs = list(inspect.signature(nn.MultiheadAttention.__init__).parameters.items())
        self.assertEqual([n for n, _ in ours[: len(theirs)]], [n for n, _ in theirs])
        for (name, a), (_, b) in zip(ours, theirs):
            if name != "device":
                self.assertEqual(a.default, b.default, name)
        call = list(inspect.signature(QamaMultiheadAttention.forward).parameters.values())
        torch_call = list(inspect.signature(nn.MultiheadAttention.forward).parameters.values())
        # is_causal is torch 2's: Debian's 1.13 ends before it.
        self.assertEqual((call[-1].name, call[-1].default), ("is_causal", False))
        self.assertEqual(
            [(p.name, p.default) for p in call[:-1]], [(p.name, p.default) for p in torch_call[: len(call) - 1]]
        )

    def test_stub_names_what_the_code_has(self):
        stub = pathlib.Path(opoloop.__file__).with_suffix(".pyi").read_text()
        constructor = re.search(r"def __init__\((.*?)\) -> None", stub, re.S).group(1)
        names = re.findall(r"^\s*(\w+):", constructor, re.M)
        self.assertEqual(names, [n for n in inspect.signature(QamaMultiheadAttention).parameters])
        schema = torch.ops.opoloop.qama.default._schema
        function = re.search(r"def qama\((.*?)\) -> ", stub, re.S).group(1)
        self.assertEqual(re.findall(r"^\s*(\w+):", function, re.M), [a.name for a in schema.arguments])
        for name in opoloop.__all__:
            self.assertTrue(hasattr(opoloop, name))
            self.assertIn(name, stub)


class Shapes(unittest.TestCase):
    def test_are_those_of_torch(self):
        B, N, E, H = 2, 5, 12, 3
        for batch_first in (False, True):
            ours = layer(E, H, batch_first=batch_first)
            theirs = nn.MultiheadAttention(E, H, batch_first=batch_first)
            for shape in ((B, N, E) if batch_first else (N, B, E), (N, E)):
                x = torch.randn(shape)
                for arguments in ({}, {"need_weights": False}, {"average_attn_weights": False}):
                    with self.subTest(batch_first=batch_first, shape=shape, **arguments):
                        a, b = ours(x, x, x, **arguments), theirs(x, x, x, **arguments)
                        self.assertEqual(a[0].shape, b[0].shape)
                        self.assertEqual(a[1] is None, b[1] is None)
                        if a[1] is not None:
                            self.assertEqual(a[1].shape, b[1].shape)

    def test_batch_first_only_transposes(self):
        a = layer(8, 2).eval()
        b = layer(8, 2, batch_first=True).eval()
        b.load_state_dict(a.state_dict())
        x, padding = torch.randn(5, 3, 8), torch.tensor([[False] * 4 + [True], [False] * 5, [True] * 5])
        one, two = a(x, x, x, padding), b(*[x.transpose(0, 1)] * 3, padding)
        self.assertTrue(torch.equal(one[0].transpose(0, 1), two[0]))
        self.assertTrue(torch.equal(one[1], two[1]))
        self.assertEqual(two[0][2].abs().max(), 0)

    def test_kdim_vdim_dtype(self):
        attention = layer(8, 2, kdim=5, vdim=7, dtype=torch.float64)
        q, k, v = (torch.randn(4, 2, w, dtype=torch.float64, requires_grad=True) for w in (8, 5, 7))
        output, _ = attention(q, k, v)
        self.assertEqual((output.shape, output.dtype), ((4, 2, 8), torch.float64))
        output.square().sum().backward()
        for tensor in (q, k, v, *attention.parameters()):
            self.assertGreater(tensor.grad.abs().max(), 0)


class Gradients(unittest.TestCase):
    def test_of_every_weight_and_the_input_equal_differences(self):
        for form in ("v2", "gated", "v1"):
            with self.subTest(form=form):
                attention = layer(6, 2, batch_first=True, device="exact:", form=form, q=1, dtype=torch.float64)
                names = [n for n, _ in attention.named_parameters()]
                x = torch.randn(2, 3, 6, dtype=torch.float64, requires_grad=True)
                attention.eval()

                def output(x, *weights):
                    return torch.nn.utils.stateless.functional_call(
                        attention, dict(zip(names, weights)), (x, x, x), {"need_weights": False}
                    )[0]

                # Three times the weights: fields well away from ties.
                weights = [(3 * p.detach()).requires_grad_() for p in attention.parameters()]
                self.assertTrue(torch.autograd.gradcheck(output, (x, *weights), eps=1e-6, atol=1e-5, rtol=1e-3))


class Reproducibility(unittest.TestCase):
    def setUp(self):
        # One read of one sweep: a solver so bad that its samples differ.
        self.attention = layer(8, 2, batch_first=True, runs=1, steps=1)
        self.x = torch.randn(2, 20, 8)

    def run_layer(self, attention=None):
        return (attention or self.attention)(self.x, self.x, self.x)[0]

    def test_eval_repeats_and_training_does_not(self):
        self.attention.eval()
        self.assertTrue(torch.equal(self.run_layer(), self.run_layer()))
        self.attention.train()
        first = self.run_layer()
        self.assertFalse(torch.equal(first, self.run_layer()))
        # Training repeats too, from the same count of passes.
        self.attention.passes.zero_()
        self.assertTrue(torch.equal(first, self.run_layer()))
        self.attention.eval()
        before = self.run_layer()
        self.attention.seed = 2
        self.assertFalse(torch.equal(before, self.run_layer()))

    def test_samples_are_averaged_in_eval(self):
        self.attention.eval()
        one = self.run_layer()
        self.attention.eval_samples = 64
        many = self.run_layer()
        self.assertFalse(torch.equal(one, many))
        self.assertTrue(torch.equal(many, self.run_layer()))
        # Averages of independent samples scatter less between seeds, by 1/sqrt(64); a factor 3 is far below.
        spread = []
        for samples in (1, 64):
            self.attention.eval_samples = samples
            outputs = []
            for seed in range(12):
                self.attention.seed = seed
                outputs.append(self.run_layer())
            spread.append(torch.stack(outputs).std(0).mean().item())
        self.assertGreater(spread[0], 3 * spread[1])

    def test_state_dict_deepcopy_pickle(self):
        self.run_layer()
        self.attention.eval()
        want = self.run_layer()
        fresh = layer(8, 2, batch_first=True, runs=1, steps=1, seed=5)
        fresh.load_state_dict(self.attention.state_dict())
        stream = io.BytesIO()
        torch.save(self.attention, stream)
        stream.seek(0)
        copies = [copy.deepcopy(self.attention), pickle.loads(pickle.dumps(self.attention)), torch.load(stream)]
        for other in [fresh, *copies]:
            self.assertTrue(torch.equal(self.run_layer(other.eval()), want))
            self.assertEqual(int(other.passes), 1)


class Encoder(unittest.TestCase):
    def test_one_line_replaces_the_attention_of_torchs_encoder(self):
        """Also in eval(), where torch goes past self_attn to a fused softmax kernel if it can."""
        torch.manual_seed(0)
        block = nn.TransformerEncoderLayer(8, 2, dim_feedforward=16, dropout=0.0, batch_first=True)
        x = torch.randn(2, 5, 8)
        padding = torch.tensor([[False] * 5, [False] * 3 + [True] * 2])
        with torch.no_grad():
            softmax = block.eval()(x)
        block.self_attn = QamaMultiheadAttention(8, 2, batch_first=True, **FAST)
        calls = []
        block.self_attn.register_forward_hook(lambda *_: calls.append(1))
        encoder = nn.TransformerEncoder(block, 2)  # copies the block twice
        for with_gradient in (False, True):
            for masks in ({}, {"src_key_padding_mask": padding}):
                with torch.set_grad_enabled(with_gradient):
                    calls.clear()
                    block.eval()
                    output = block(x, **masks)
                    self.assertEqual(len(calls), 1)
                    attended = block.self_attn(x, x, x, masks.get("src_key_padding_mask"))[0]
                    y = block.norm1(x + attended)
                    want = block.norm2(y + block.linear2(torch.relu(block.linear1(y))))
                    self.assertTrue(torch.allclose(output, want))
                    self.assertFalse(torch.allclose(output, softmax))
                    encoder.eval()
                    self.assertEqual(encoder(x, **masks).shape, x.shape)
        encoder.train()
        encoder(x).square().sum().backward()
        for name, parameter in encoder.named_parameters():
            self.assertIsNotNone(parameter.grad, name)

    def test_causal_mask_of_torch_is_taken(self):
        attention = layer(8, 2, batch_first=True, form="gated").eval()
        x = torch.randn(2, 4, 8)
        causal = nn.Transformer.generate_square_subsequent_mask(4)
        weights = attention(x, x, x, attn_mask=causal)[1]
        self.assertEqual(weights.triu(1).abs().max(), 0)
        self.assertTrue(torch.allclose(weights.sum(-1), torch.ones(2, 4)))
        # torch 2's encoder says of every mask whether it is the causal one.
        for is_causal in (False, True):
            again = attention(x, x, x, attn_mask=causal, is_causal=is_causal)[1]
            self.assertTrue(torch.equal(again, weights))
        with self.assertRaisesRegex(ValueError, "there is no attn_mask"):
            attention(x, x, x, is_causal=True)

    def test_what_torch_2_asks_before_its_fused_kernel(self):
        attention = layer(8, 2)
        self.assertIsNone(attention.in_proj_weight)
        self.assertIsNone(attention.in_proj_bias)
        self.assertNotIn("in_proj_weight", attention.state_dict())


class Weights(unittest.TestCase):
    def test_make_the_output(self):
        x = torch.randn(2, 6, 8)
        v2 = layer(8, 2, batch_first=True).eval()
        output, weights = v2(x, x, x, average_attn_weights=False)
        want = (weights.sum(-1, keepdim=True) * v2.u).transpose(1, 2).reshape(2, 6, 8)
        self.assertTrue(torch.allclose(output, want, atol=1e-5))
        gated = layer(8, 2, batch_first=True, form="gated").eval()
        output, weights = gated(x, x, x, average_attn_weights=False)
        values = gated.v_proj(gated.norm_v(x)).unflatten(-1, (2, 4)).transpose(1, 2)
        self.assertTrue(torch.allclose(output, (weights @ values).transpose(1, 2).reshape(2, 6, 8), atol=1e-5))
        self.assertFalse(weights.requires_grad)


class Device(unittest.TestCase):
    def test_is_an_attribute(self):
        attention = layer(8, 2, device="annealing:", batch_first=True).eval()
        x = torch.randn(2, 5, 8)
        before = attention(x, x, x)[0]
        attention.device = "exact:"
        self.assertEqual(attention.device, "exact:")
        exact = attention(x, x, x)[0]
        with self.assertRaisesRegex(ValueError, "unknown scheme"):
            attention.device = "abacus:"
        self.assertEqual(attention.device, "exact:")
        attention.device = "annealing:"
        self.assertTrue(torch.equal(attention(x, x, x)[0], before))
        self.assertEqual(exact.shape, before.shape)
        self.assertIn("annealing:", repr(attention))

    def test_its_effort_is_an_attribute(self):
        attention = layer(8, 2, batch_first=True, runs=1, steps=1).eval()
        x = torch.randn(8, 20, 8)
        for name, value, bad in (("runs", 5, 0), ("steps", 40, 0), ("threads", 1, -1)):
            before = attention(x, x, x)[0]
            setattr(attention, name, value)
            self.assertEqual(getattr(attention, name), value)
            self.assertIn(f"{name}={value}", repr(attention))
            want = layer(8, 2, batch_first=True, runs=attention.runs, steps=attention.steps).eval()
            want.load_state_dict(attention.state_dict())
            after = attention(x, x, x)[0]
            self.assertTrue(torch.equal(after, want(x, x, x)[0]))
            if name == "runs":
                self.assertFalse(torch.equal(after, before))
            with self.assertRaisesRegex(ValueError, f"{name} = {bad}"):
                setattr(attention, name, bad)
            self.assertEqual(getattr(attention, name), value)
        attention.runs = attention.steps = None
        self.assertIsNone(attention.steps)
        self.assertEqual(attention(x, x, x)[0].shape, x.shape)

    def test_of_torch_is_refused(self):
        for device in ("cpu", "cuda", "cuda:0", torch.device("cpu")):
            with self.assertRaisesRegex(ValueError, "where torch keeps tensors"):
                QamaMultiheadAttention(8, 2, device=device)
        with self.assertRaisesRegex(TypeError, "must be a URI"):
            QamaMultiheadAttention(8, 2, device=None)


class Errors(unittest.TestCase):
    def test_of_construction(self):
        for pattern, arguments, options in (
            ("embed_dim = 8 is not divisible by num_heads = 3", (8, 3), {}),
            ("num_heads = 0", (8, 0), {}),
            ("embed_dim = 0", (0, 1), {}),
            ("kdim = 0", (8, 2), {"kdim": 0}),
            ("dropout = 0.1", (8, 2), {"dropout": 0.1}),
            ("must be False", (8, 2), {"add_bias_kv": True}),
            ("must be False", (8, 2), {"add_zero_attn": True}),
            ("expected v2, v1 or gated", (8, 2), {"form": "softmax"}),
            ("q = 9", (8, 2), {"q": 9}),
            ("eval_samples = 0", (8, 2), {"eval_samples": 0}),
            ("unknown scheme", (8, 2), {"device": "abacus:"}),
        ):
            with self.subTest(pattern=pattern), self.assertRaisesRegex(ValueError, pattern):
                QamaMultiheadAttention(*arguments, **options)

    def test_of_calls(self):
        attention = layer(8, 2, batch_first=True)
        x = torch.randn(2, 5, 8)
        with self.assertRaisesRegex(ValueError, "one length and batch"):
            attention(x, x[:, :4], x[:, :4])
        with self.assertRaisesRegex(ValueError, r"query is \[2, 5, 7\], expected \[N, 8\], \[B, N, 8\]"):
            attention(x[..., :7], x, x)
        with self.assertRaisesRegex(ValueError, r"value is \[5, 8\]"):
            attention(x, x, x[0])
        with self.assertRaisesRegex(ValueError, "key_padding_mask is"):
            attention(x, x, x, torch.zeros(5, 2, dtype=torch.bool))
        x[0, 0, 0] = torch.nan
        with self.assertRaisesRegex(ValueError, "not a finite number"):
            attention(x, x, x)
        attention.device = "exact:"
        with self.assertRaisesRegex(ValueError, "has 24 spins, 40 are needed"):
            attention(*[torch.randn(2, 20, 8)] * 3)


if __name__ == "__main__":
    unittest.main()
