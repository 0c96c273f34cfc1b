"""torch.ops.opoloop.qama from Python: gradients, masks, errors, threads."""

import threading
import unittest

import torch

import opoloop


def inputs(B, H, N, d, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    tensors = [torch.randn(B, H, N, d, dtype=dtype, generator=generator) for _ in range(3)]
    tensors.append(torch.randn(d, dtype=dtype, generator=generator))
    return [t.requires_grad_() for t in tensors]


class Gradients(unittest.TestCase):
    def test_equal_differences_where_the_problem_is_solved_exactly(self):
        """The selection is piecewise constant, so the quotient of the whole operator is the derivative."""
        N = 4
        padding = torch.zeros(2, N, dtype=torch.bool)
        padding[0, 3] = True
        additive = torch.zeros(N, N, dtype=torch.float64)
        additive[0, 1], additive[2, 0] = 0.3, -torch.inf
        for form in ("v2", "gated", "v1"):
            pairs = additive.isneginf() if form == "v1" else additive
            for masks in ({}, {"key_padding_mask": padding}, {"attn_mask": pairs}):
                with self.subTest(form=form, masks=list(masks)):
                    options = {"device": "exact:", "form": form, "bits": 1, **masks}
                    tensors = inputs(2, 2, N, 3)
                    chosen = opoloop.qama(*tensors, **options)[1]

                    def output(*t):
                        result = opoloop.qama(*t, **options)
                        self.assertTrue(torch.equal(result[1], chosen), "moved across a tie")
                        return result[0]

                    self.assertTrue(torch.autograd.gradcheck(output, tensors, eps=1e-6, atol=1e-6, rtol=1e-5))

    def test_second_derivatives_are_refused(self):
        tensors = inputs(1, 2, 3, 2)
        output = opoloop.qama(*tensors)[0]
        with self.assertRaisesRegex(RuntimeError, "second derivatives"):
            torch.autograd.grad(output.sum(), tensors[0], create_graph=True)

    def test_a_changed_J_is_noticed(self):
        tensors = inputs(1, 2, 3, 2)
        output, _, _, J, _ = opoloop.qama(*tensors)
        J.mul_(2)
        with self.assertRaisesRegex(RuntimeError, "modified by an inplace operation"):
            output.sum().backward()

    def test_no_grad_and_inference_mode(self):
        tensors = inputs(1, 2, 3, 2)
        want = opoloop.qama(*tensors)[0]
        with torch.no_grad():
            got = opoloop.qama(*tensors)[0]
            self.assertFalse(got.requires_grad)
            self.assertTrue(torch.equal(got, want))
        with torch.inference_mode():
            self.assertTrue(torch.equal(opoloop.qama(*tensors)[0], want))


class Masks(unittest.TestCase):
    def test_padding_changes_nothing(self):
        Q, K, V, u = (t.detach() for t in inputs(2, 2, 5, 3))
        for form in ("v2", "gated", "v1"):
            with self.subTest(form=form):
                options = {"device": "exact:", "form": form, "bits": 1}
                small = opoloop.qama(Q, K, V, u, **options)
                more = [torch.cat([t, torch.full((2, 2, 2, 3), 5.0, dtype=t.dtype)], 2) for t in (Q, K, V)]
                padding = torch.tensor([False] * 5 + [True] * 2).expand(2, 7)
                large = opoloop.qama(*more, u, padding, **options)
                self.assertTrue(torch.allclose(large[0][:, :5], small[0], atol=1e-12))
                self.assertEqual(large[0][:, 5:].abs().max(), 0)
                self.assertTrue(torch.equal(large[1][:, :, :5], small[1]))
                self.assertEqual(large[1][:, :, 5:].sum(), 0)

    def test_a_fully_masked_sample_gives_zeros(self):
        tensors = inputs(2, 2, 3, 2)
        padding = torch.tensor([[True] * 3, [False] * 3])
        output, x, energy, _, _ = opoloop.qama(*tensors, padding)
        self.assertEqual(output[0].abs().max(), 0)
        self.assertEqual(energy[0], 0)
        self.assertGreater(output[1].abs().max(), 0)
        output.sum().backward()
        for t in tensors:
            self.assertTrue(torch.isfinite(t.grad).all())
        self.assertEqual(tensors[0].grad[0].abs().max(), 0)

    def test_bool_and_floating_masks_are_the_same(self):
        tensors = inputs(2, 2, 5, 3)
        padding = torch.rand(2, 5, generator=torch.Generator().manual_seed(1)) < 0.3
        pairs = torch.rand(4, 5, 5, generator=torch.Generator().manual_seed(2)) < 0.3
        floating = [torch.zeros(m.shape).masked_fill(m, -torch.inf) for m in (padding, pairs)]
        a = opoloop.qama(*tensors, padding, pairs)
        b = opoloop.qama(*tensors, *floating)
        self.assertTrue(all(torch.equal(s, t) for s, t in zip(a, b)))
        plain = opoloop.qama(*tensors, padding)
        self.assertFalse(torch.equal(a[3], plain[3]))
        # One pair mask for all heads is the same mask for each.
        one = opoloop.qama(*tensors, attn_mask=pairs[0])
        each = opoloop.qama(*tensors, attn_mask=pairs[0].expand(4, 5, 5))
        self.assertTrue(torch.equal(one[0], each[0]))


class Errors(unittest.TestCase):
    def refused(self, pattern, tensors, **options):
        with self.assertRaisesRegex(ValueError, pattern) as caught:
            opoloop.qama(*tensors, **options)
        self.assertNotIn("\n", str(caught.exception))

    def test_are_python_exceptions_of_one_line(self):
        Q, K, V, u = (t.detach() for t in inputs(1, 4, 7, 4, torch.float32))
        good = (Q, K, V, u)
        bad = Q.clone()
        bad[0, 1, 2, 3] = torch.nan
        self.refused("Q holds nan at place", (bad, K, V, u))
        self.refused("query is \\[4, 7, 4\\]", (Q[0], K, V, u))
        self.refused("heads = 0", (Q[:, :0], K[:, :0], V[:, :0], u))
        self.refused("has 24 spins, 28 are needed .* would fit: 6 tokens with 4 heads", good, device="exact:")
        self.refused("unknown scheme 'abacus:'; known: emulator:", good, device="abacus:")
        self.refused("expected v2, v1 or gated", good, form="v3")
        self.refused("bits = 9", good, bits=9)
        self.refused("c_q = nan", good, c_q=torch.nan)
        self.refused("scale = -1", good, scale=-1.0)
        self.refused("runs = 0", good, runs=0)
        self.refused("steps = 0", good, steps=0)
        self.refused("threads = -1", good, threads=-1)
        self.refused("key_padding_mask is \\[1, 6\\]", good, key_padding_mask=torch.zeros(1, 6, dtype=torch.bool))
        self.refused("attn_mask is \\[7, 6\\]", good, attn_mask=torch.zeros(7, 6))
        self.refused("attn_mask holds nan", good, attn_mask=torch.full((7, 7), torch.nan))
        self.refused("attn_mask requires a gradient", good, attn_mask=torch.zeros(7, 7, requires_grad=True))
        self.refused("query is Half", tuple(t.half() for t in good))
        self.refused("query is on meta", tuple(t.to("meta") for t in good))


class Threads(unittest.TestCase):
    def test_do_not_show_in_results(self):
        tensors = inputs(4, 2, 9, 4, torch.float32)
        one = opoloop.qama(*tensors, threads=1)
        two = opoloop.qama(*tensors, threads=2)
        self.assertTrue(all(torch.equal(a, b) for a, b in zip(one, two)))

    def test_python_runs_on_while_the_device_works(self):
        """The call lets go of the interpreter's lock, which nothing takes from native code."""
        tensors = [t.detach() for t in inputs(1, 2, 49, 8, torch.float32)]
        counted, done = [], threading.Event()

        def count():
            while not done.is_set():
                counted.append(1)
                done.wait(1e-4)

        counter = threading.Thread(target=count)
        counter.start()
        before = len(counted)
        opoloop.qama(*tensors, device="annealing:", runs=40, steps=2000, threads=1)
        during = len(counted) - before
        done.set()
        counter.join()
        self.assertGreater(during, 3)

    def test_calls_from_several_threads_agree(self):
        tensors = [t.detach() for t in inputs(2, 2, 8, 4, torch.float32)]
        want = opoloop.qama(*tensors, device="emulator:", threads=1)
        got = [None] * 4

        def work(i):
            got[i] = opoloop.qama(*tensors, device="emulator:", threads=1)

        workers = [threading.Thread(target=work, args=(i,)) for i in range(4)]
        for w in workers:
            w.start()
        for w in workers:
            w.join()
        for result in got:
            self.assertTrue(all(torch.equal(a, b) for a, b in zip(result, want)))


if __name__ == "__main__":
    unittest.main()
