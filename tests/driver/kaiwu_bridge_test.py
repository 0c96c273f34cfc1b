"""driver/kaiwu_bridge.py as a Kaiwu user meets it: opoloop as an optimiser. Runs with the stand-in of the SDK on
the path; argument: the opoloop program."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

import numpy as np

import kaiwu_bridge

OPOLOOP = sys.argv.pop(1)
MATRIX = np.array([[0, 2, -3], [2, 0, -1], [-3, -1, 0]])


def energy(matrix, solutions):
    return -np.einsum("ki,ij,kj->k", solutions, matrix, solutions)


class Optimiser(unittest.TestCase):
    """The class that stands where the SDK's optimisers stand."""

    def check(self, optimizer, matrix=MATRIX, best=None):
        solutions = optimizer.solve(matrix, sort_solutions=True)
        self.assertEqual(solutions.ndim, 2)
        self.assertEqual(solutions.shape[1], len(matrix))
        self.assertTrue((np.abs(solutions) == 1).all())
        self.assertTrue((solutions[:, -1] == 1).all())
        energies = energy(matrix, solutions)
        self.assertTrue((np.diff(energies) >= 0).all())
        np.testing.assert_allclose(optimizer.get_hamiltonian(), energies)
        every = np.array([[2 * ((k >> i) & 1) - 1 for i in range(len(matrix))] for k in range(2 ** len(matrix))])
        self.assertAlmostEqual(energies[0], energy(matrix, every).min() if best is None else best)
        return solutions

    def test_command(self):
        optimizer = kaiwu_bridge.OpoloopOptimizer(command=OPOLOOP, runs=6, steps=100, seed=3)
        self.assertEqual(len(self.check(optimizer)), 6)
        # Real numbers, a diagonal, an asymmetry that s'Ms does not see.
        random = np.random.RandomState(5)
        matrix = random.normal(size=(7, 7))
        self.check(optimizer, matrix)
        self.check(kaiwu_bridge.OpoloopOptimizer(command=OPOLOOP, device="exact:"), matrix)
        unflipped = kaiwu_bridge.OpoloopOptimizer(command=OPOLOOP, device="annealing:", runs=20, steps=50)
        self.assertTrue((unflipped.solve(matrix, negtail_flip=False)[:, -1] == -1).any())

    def test_command_errors(self):
        with self.assertRaisesRegex(RuntimeError, "not there"):
            kaiwu_bridge.OpoloopOptimizer(command="no-such-program").solve(MATRIX)
        with self.assertRaisesRegex(RuntimeError, "toaster"):
            kaiwu_bridge.OpoloopOptimizer(command=OPOLOOP, device="toaster:").solve(MATRIX)
        with self.assertRaisesRegex(ValueError, "square"):
            kaiwu_bridge.OpoloopOptimizer(command=OPOLOOP).solve(MATRIX[:2])
        with self.assertRaisesRegex(ValueError, "must be set"):
            kaiwu_bridge.OpoloopOptimizer(command=OPOLOOP).solve()

    def test_server(self):
        with tempfile.TemporaryDirectory() as folder:
            server = subprocess.Popen([OPOLOOP, "serve", "--port", "0", "--journal", os.path.join(folder, "j")],
                                      stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            try:
                url = server.stdout.readline().strip()
                optimizer = kaiwu_bridge.OpoloopOptimizer(server=url, runs=5, steps=100)
                self.assertEqual(len(self.check(optimizer)), 5)
                self.check(optimizer, np.array([[0.5, 1], [1, -2]]), -0.5)
                with self.assertRaisesRegex(RuntimeError, "toaster"):
                    kaiwu_bridge.OpoloopOptimizer(server=url, device="toaster:").solve(MATRIX)
                with self.assertRaisesRegex(RuntimeError, "no-such"):
                    kaiwu_bridge.OpoloopOptimizer(server=url, parameters={"no-such": 1}).solve(MATRIX)
            finally:
                server.terminate()
                server.wait()
                server.stdout.close()

    def test_base_class(self):
        """Programs ask whether an optimiser is one."""
        import kaiwu.core
        self.assertTrue(issubclass(kaiwu_bridge.OpoloopOptimizer, kaiwu.core.OptimizerBase))

        class Other:
            def solve(self, ising_matrix=None):
                raise NotImplementedError

        derived = kaiwu_bridge.optimizer_class(Other)
        self.assertTrue(issubclass(derived, Other))
        self.check(derived(command=OPOLOOP, device="exact:"))


class Bridge(unittest.TestCase):
    """Details that the device cannot show."""

    def test_signatures(self):
        def known(a, b=1):
            return a + b

        self.assertEqual(kaiwu_bridge.call_with_what_it_takes(known, {"a": 1, "b": 2, "c": 3}), (3, ["c"]))
        # Compiled code without a signature says by its error what it does not take.
        self.assertEqual(kaiwu_bridge.call_with_what_it_takes(dict, {"a": 1}), ({"a": 1}, []))

        class Compiled:
            __signature__ = "none"

            def __call__(self, **given):
                if "c" in given:
                    raise TypeError("got an unexpected keyword argument 'c'")
                return given["a"]

        self.assertEqual(kaiwu_bridge.call_with_what_it_takes(Compiled(), {"a": 1, "c": 3}), (1, ["c"]))

    def test_lines(self):
        """One answer a job, and nothing else on standard output."""
        with tempfile.TemporaryDirectory() as folder:
            job = {"matrix": [[0, 1], [1, 0]], "task_name": "t", "save_dir": os.path.join(folder, "save"),
                   "poll_s": 0.01, "credentials": {"user_id": "user-7", "sdk_code": "code-secret"},
                   "settings": {"sample_number": 2, "machine_name": "CPQC-550"}}
            lines = json.dumps(job) + "\n\nnot json\n" + json.dumps(dict(job, task_name="u")) + "\n"
            done = subprocess.run([sys.executable, kaiwu_bridge.__file__], input=lines, text=True, check=True,
                                  capture_output=True, env=dict(os.environ, KAIWU_STANDIN_FAIL="print"))
            answers = [json.loads(line) for line in done.stdout.splitlines()]
            self.assertEqual(len(answers), 3)
            self.assertEqual(answers[0]["solutions"], [[1, 1], [1, 1]])
            self.assertEqual(answers[0]["ignored"], ["machine_name"])
            self.assertEqual(answers[1]["error"]["kind"], "vendor")
            self.assertEqual(answers[2]["solutions"], [[1, 1], [1, 1]])
            self.assertIn("greets", done.stderr)


if __name__ == "__main__":
    unittest.main()
