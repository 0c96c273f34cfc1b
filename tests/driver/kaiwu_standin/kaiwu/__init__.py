"""A stand-in for the Kaiwu SDK with the surface its documentation names, for tests of driver/kaiwu_bridge.py.

KAIWU_STANDIN picks a version of the constructor: "1.2" (credentials and machine_name go to it, no wait), "1.3"
(task_mode, sample_number, wait; credentials to license.init), "1.4" (keyword arguments only, other words for
task_mode). KAIWU_STANDIN_CLOUD is a folder that plays the cloud: a task is a file in it. KAIWU_STANDIN_FAIL makes
it fail: "quota", "precision", "hang", "die", "print", "garbage".
"""
import hashlib
import itertools
import os
import sys
import time
from types import SimpleNamespace

import numpy as np

VERSION = os.environ.get("KAIWU_STANDIN", "1.3")
FAIL = os.environ.get("KAIWU_STANDIN_FAIL", "")
__version__ = VERSION + ".1"


class KaiwuError(Exception):
    """What the SDK raises."""


class CheckpointManager:
    """Where the SDK keeps what it needs to go on."""

    save_dir = None


class OptimizerBase:
    """Base class of optimisers."""

    def __init__(self):
        self.matrix = None

    def solve(self, ising_matrix=None):
        raise NotImplementedError


class IsingSolver(OptimizerBase):
    """Base class of optimisers from 1.4 on."""


LICENCE = {}


def _init(user_id, sdk_code):
    if user_id != "user-7" or sdk_code != "code-secret":
        raise KaiwuError(f"license check of {user_id} with {sdk_code} failed")
    LICENCE["ok"] = True


def _require_licence():
    if not LICENCE.get("ok"):
        # Without a licence the SDK asks at the terminal.
        print("user id: ", end="")
        _init(input(), input())


def _ground_states(matrix):
    """All states of lowest -s'Ms with the last spin +1, up to 14 spins."""
    n = matrix.shape[0]
    states = np.array(list(itertools.product((-1, 1), repeat=n - 1)), dtype=int).reshape(2 ** (n - 1), n - 1)
    states = np.hstack([states, np.ones((len(states), 1), dtype=int)])
    energies = -np.einsum("ki,ij,kj->k", states, matrix, states)
    return states[energies == energies.min()]


def _descend(matrix, read):
    """A local minimum from a random start of its own."""
    spins = np.random.RandomState(read).choice((-1, 1), size=matrix.shape[0])
    off = matrix - np.diag(np.diag(matrix))
    while True:
        gain = spins * (off @ spins)
        worst = int(np.argmin(gain))
        if gain[worst] >= 0:
            return spins
        spins[worst] = -spins[worst]


def _solutions(matrix, count):
    if matrix.shape[0] <= 14:
        ground = _ground_states(matrix)
        return np.array([ground[k % len(ground)] for k in range(count)])
    return np.array([_descend(matrix, k) for k in range(count)])


class _Cloud:
    """Tasks by name and content; the second look finds the answer."""

    def solve(self, name, matrix, count):
        if CheckpointManager.save_dir is None:
            raise KaiwuError("CheckpointManager.save_dir must be set before a task is submitted")
        if len(name) > 40:
            raise KaiwuError("task_name is longer than 40 characters")
        if matrix.dtype.kind != "i" or np.abs(matrix).max() > 127 or (matrix != matrix.T).any():
            raise KaiwuError("CSV数据文件的精度过高")
        if FAIL == "quota":
            raise KaiwuError("真机配额不足")
        if FAIL == "precision":
            raise KaiwuError("the precision of the matrix is too high")
        if FAIL == "hang":
            time.sleep(600)
        if FAIL == "die":
            print("segmentation fault in the vendor's library", file=sys.stderr, flush=True)
            os._exit(11)
        if FAIL == "print":
            print("the SDK greets you on standard output")
        if FAIL == "garbage":
            return np.zeros((2, 3))
        digest = hashlib.md5(np.ascontiguousarray(matrix).tobytes()).hexdigest()
        record = os.path.join(CheckpointManager.save_dir, f"{name}_{digest}_task_id.txt")
        cloud = os.environ.get("KAIWU_STANDIN_CLOUD")
        if not os.path.exists(record):
            with open(record, "w", encoding="ascii") as out:
                out.write(digest)
            if cloud:
                with open(os.path.join(cloud, "tasks"), "a", encoding="ascii") as out:
                    out.write(name + "\n")
            return None
        if cloud and os.path.exists(os.path.join(cloud, "busy")):
            return None
        return _solutions(matrix, count)


if VERSION == "1.2":

    class CIMOptimizer(OptimizerBase):
        """Blocks until the machine is done, as the first versions did."""

        def __init__(self, user_id, sdk_code, task_name, machine_name="CPQC-100"):
            super().__init__()
            _init(user_id, sdk_code)
            self.name, self.machine = task_name, machine_name

        def solve(self, ising_matrix=None):
            solutions = None
            while solutions is None:
                solutions = _Cloud().solve(self.name, ising_matrix, 10)
            return solutions

    license = SimpleNamespace()  # pylint: disable=redefined-builtin
    utils = SimpleNamespace(CheckpointManager=CheckpointManager)
else:
    license = SimpleNamespace(init=_init)
    common = SimpleNamespace(CheckpointManager=CheckpointManager)

    if VERSION == "1.3":

        class CIMOptimizer(OptimizerBase):
            """With wait=False solve() gives None until the machine is done."""

            def __init__(self, task_name, wait=False, interval=1, project_no=None, task_mode="quota",
                         sample_number=10):
                super().__init__()
                _require_licence()
                if task_mode not in ("quota", "sample"):
                    raise KaiwuError(f"task_mode {task_mode} is not known")
                self.name, self.wait, self.interval, self.count = task_name, wait, interval, sample_number

            def solve(self, ising_matrix=None):
                solutions = _Cloud().solve(self.name, ising_matrix, self.count)
                while solutions is None and self.wait:
                    time.sleep(self.interval)
                    solutions = _Cloud().solve(self.name, ising_matrix, self.count)
                return solutions

    else:

        class CIMOptimizer(IsingSolver):
            """Keyword arguments that the constructor does not name."""

            def __init__(self, task_name, **options):
                super().__init__()
                _require_licence()
                self.name, self.count = task_name, options.get("sample_number", 10)
                if options.get("task_mode", "OPTIMIZATION") not in ("OPTIMIZATION", "SAMPLING"):
                    raise KaiwuError("task_mode must be OPTIMIZATION or SAMPLING")

            def solve(self, ising_matrix=None, negtail_flip=True, sort_solutions=False):
                return _Cloud().solve(self.name, ising_matrix, self.count)


cim = SimpleNamespace(CIMOptimizer=CIMOptimizer)
