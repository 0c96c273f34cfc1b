#!/usr/bin/env python3
"""Between opoloop and QBoson's Kaiwu SDK, in both directions (docs/remote-devices.md).

As a program (`python3 kaiwu_bridge.py`) it runs where the SDK is installed, reads one job a line from standard
input and writes one answer a line to standard output, both JSON:

    {"matrix": [[...]], "task_name": "...", "save_dir": "...", "poll_s": 5,
     "credentials": {"user_id": "...", "sdk_code": "..."}, "settings": {"machine_name": "...", ...}}
    {"solutions": [[1, -1, ...], ...], "sdk_version": "1.3.1", "ignored": ["task_mode"]}
    {"error": {"kind": "licence", "message": "..."}}

The matrix M is symmetric, of integers; the SDK minimises H(s) = -s'Ms over the full double sum. What an SDK's
constructor takes is found by looking at it, because it changed from version to version (1.2 to 1.4); settings
that it does not know are left out and named in "ignored". SIGTERM ends it between two looks at the machine, never
while the SDK writes its checkpoint.

As a module it gives `OpoloopOptimizer`, an optimiser for programs written against the SDK (or its open part,
kaiwu_community) whose machine is opoloop:

    from kaiwu_bridge import OpoloopOptimizer
    solver = kw.solver.SimpleSolver(OpoloopOptimizer(device="emulator:"))
"""
import importlib
import inspect
import json
import os
import signal
import sys
import threading
import time


# ---------------------------------------------------------------- opoloop -> the vendor's SDK

# What an error of the vendor says, in English or Chinese, and what we call it; the first that fits.
ERROR_KINDS = (
    ("task-name", ("task_name", "task name", "任务名")),
    ("precision", ("precision", "精度", "8bit", "8-bit", "8 bit", "int8", "out of range")),
    ("quota", ("quota", "配额", "额度", "balance", "余额", "次数")),
    ("licence", ("license", "licence", "授权", "许可", "sdk_code", "user_id", "sdk code", "user id", "unauthor",
                 "authentication", "认证", "鉴权")),
    ("size", ("bits", "比特", "size", "dimension", "维度", "too large")),
    ("network", ("connection", "timed out", "timeout", "resolve", "网络", "连接", "超时")),
)


class BridgeError(Exception):
    """An error with its kind, as opoloop understands it."""

    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind


def kind_of(error):
    """The kind of an exception of the SDK."""
    if isinstance(error, BridgeError):
        return error.kind
    if isinstance(error, EOFError):  # without a licence the SDK asks for one at the terminal
        return "licence"
    text = f"{type(error).__name__} {error}".lower()
    for kind, words in ERROR_KINDS:
        if any(word in text for word in words):
            return kind
    return "vendor"


def find_attribute(module, *paths):
    """The first of module.a.b that is there; sub-modules are imported where the package did not."""
    for path in paths:
        found = module
        for name in path.split("."):
            if not hasattr(found, name) and inspect.ismodule(found):
                try:
                    importlib.import_module(f"{found.__name__}.{name}")
                except ImportError:
                    pass
            found = getattr(found, name, None)
            if found is None:
                break
        if found is not None:
            return found
    return None


def accepted(function, wanted):
    """Splits `wanted` into what the function takes by keyword and the names of the rest."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # compiled without a signature
        return None, []
    if any(p.kind == p.VAR_KEYWORD for p in parameters):
        return dict(wanted), []
    names = {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    return ({k: v for k, v in wanted.items() if k in names}, [k for k in wanted if k not in names])


def call_with_what_it_takes(function, wanted):
    """function(**wanted) without what it does not take: by its signature, else by what it complains about."""
    known, ignored = accepted(function, wanted)
    if known is not None:
        return function(**known), ignored
    known = dict(wanted)
    while True:
        try:
            return function(**known), ignored
        except TypeError as error:
            unknown = [k for k in known if f"'{k}'" in str(error) and "unexpected keyword" in str(error)]
            if not unknown:
                raise
            for name in unknown:
                del known[name]
                ignored.append(name)


def import_sdk():
    """The kaiwu module and numpy, which it needs."""
    try:
        kaiwu = importlib.import_module("kaiwu")
        numpy = importlib.import_module("numpy")
    except ImportError as error:
        raise BridgeError("missing-sdk", f"this Python ({sys.executable}) has no Kaiwu SDK: {error}") from error
    return kaiwu, numpy


def solve_job(job, stop):
    """One job through the SDK. Returns the answer as a dict; raises whatever the SDK raises."""
    kaiwu, numpy = import_sdk()
    credentials = {k: v for k, v in job.get("credentials", {}).items() if v}
    manager = find_attribute(kaiwu, "common.CheckpointManager", "utils.CheckpointManager")
    constructor = find_attribute(kaiwu, "cim.CIMOptimizer")
    if constructor is None:
        raise BridgeError("missing-sdk", "this kaiwu has no cim.CIMOptimizer: the open part of the SDK reaches no machine")
    os.makedirs(job["save_dir"], mode=0o700, exist_ok=True)
    if manager is not None:  # without it the SDK refuses to submit
        manager.save_dir = job["save_dir"]

    init = find_attribute(kaiwu, "license.init")
    used = set()
    if init is not None and credentials:
        _, left = call_with_what_it_takes(init, credentials)
        used = set(credentials) - set(left)
    wanted = {"task_name": job["task_name"], "wait": False, "interval": job.get("poll_s", 5)}
    wanted.update(job.get("settings", {}))
    wanted.update({k: v for k, v in credentials.items() if k not in used})
    if manager is None:
        wanted["save_dir"] = job["save_dir"]
    optimizer, ignored = call_with_what_it_takes(constructor, wanted)

    matrix = numpy.array(job["matrix"], dtype=int)
    pause = 0.05
    while True:
        solutions = optimizer.solve(matrix)
        if solutions is not None:
            break
        if stop.wait(min(pause, job.get("poll_s", 5))):
            raise BridgeError("stopped", "asked to stop; the machine has the task")
        pause *= 2
    solutions = numpy.asarray(solutions)
    if solutions.ndim == 1:
        solutions = solutions.reshape(1, -1)
    if solutions.ndim != 2 or solutions.shape[1] != matrix.shape[0]:
        raise BridgeError("vendor", f"the SDK gave solutions of shape {solutions.shape} for {matrix.shape[0]} spins")
    return {
        "solutions": [[int(value) for value in row] for row in solutions.tolist()],
        "sdk_version": str(getattr(kaiwu, "__version__", "unknown")),
        # The settings of the user; the rest of `wanted` is ours.
        "ignored": [name for name in ignored if name in job.get("settings", {})],
    }


def answer_line(line, stop):
    """The answer to one line of input, as one line."""
    secrets = []
    try:
        job = json.loads(line)
        secrets = [str(v) for v in job.get("credentials", {}).values() if v]
        answer = solve_job(job, stop)
    except (Exception, SystemExit) as error:  # pylint: disable=broad-except
        message = " ".join(str(error).split()) or type(error).__name__
        for secret in secrets:
            message = message.replace(secret, "***")
        answer = {"error": {"kind": kind_of(error), "message": message}}
    return json.dumps(answer, ensure_ascii=True)


def main():
    """Reads jobs until the input ends."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    # The SDK prints and, without a licence, asks: neither may reach the two streams that carry jobs and answers.
    jobs = os.fdopen(os.dup(0), "r", encoding="utf-8")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)
    for line in jobs:
        if not line.strip():
            continue
        answers.write(answer_line(line, stop) + "\n")
        answers.flush()
        if stop.is_set():
            break
    return 0


# ---------------------------------------------------------------- the vendor's programs -> opoloop


class _OpoloopSolver:
    """Solves Ising matrices of the Kaiwu SDK, H(s) = -s'Ms, with a device of opoloop.

    device, runs, steps, seed, parameters: as `opoloop solve` takes them (docs/devices.md).
    server: "http://host:port" of an `opoloop serve`; its token comes from the variable OPOLOOP_TOKEN. Without
    one the program `command` runs on this machine; all runs are returned where Python has h5py, otherwise an
    error says so.
    """

    def __init__(self, device="emulator:", runs=None, steps=None, seed=1, parameters=None, server=None,
                 command="opoloop", timeout_s=None):
        super().__init__()
        self.matrix = None
        self.device = device
        self.runs = runs
        self.steps = steps
        self.seed = seed
        self.parameters = dict(parameters or {})
        self.server = server.rstrip("/") if server else None
        self.command = command
        self.timeout_s = timeout_s
        self._hamiltonian = None

    def set_matrix(self, ising_matrix):
        """Keeps the matrix of the next solve()."""
        if ising_matrix is not None:
            self.matrix = ising_matrix
            self.on_matrix_change()
        if self.matrix is None:
            raise ValueError("Ising matrix must be set")

    def on_matrix_change(self):
        """Called when another matrix is set."""

    def get_hamiltonian(self):
        """H of every solution of the last solve(), in their order."""
        return self._hamiltonian

    def solve(self, ising_matrix=None, negtail_flip=True, sort_solutions=False):
        """Solutions as rows of -1 and +1; with the last spin +1 if `negtail_flip`, lowest H first if
        `sort_solutions`."""
        numpy = importlib.import_module("numpy")
        self.set_matrix(ising_matrix)
        matrix = numpy.asarray(self.matrix, dtype=float)
        solutions = self._solve(self.matrix)
        self._hamiltonian = -numpy.einsum("ki,ij,kj->k", solutions, matrix, solutions)
        if sort_solutions:
            order = numpy.argsort(self._hamiltonian, kind="stable")
            solutions, self._hamiltonian = solutions[order], self._hamiltonian[order]
        if negtail_flip:
            solutions = solutions * solutions[:, [-1]]
        return solutions

    def _solve(self, ising_matrix=None):
        """The solutions as opoloop gives them, one row a run."""
        numpy = importlib.import_module("numpy")
        matrix = numpy.asarray(ising_matrix, dtype=float)
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not numpy.isfinite(matrix).all():
            raise ValueError("an Ising matrix is square and of finite numbers")
        matrix = (matrix + matrix.T) / 2  # s'Ms sees nothing else
        rows = self._ask_server(matrix) if self.server else self._run_command(matrix)
        return numpy.asarray(rows, dtype=int)

    def _run_command(self, matrix):
        # Here, as in _request: the bridge starts once a job and needs none of them.
        import shutil
        import subprocess
        import tempfile
        program = shutil.which(self.command)
        if program is None:
            raise RuntimeError(f"the program '{self.command}' is not there")
        try:
            h5py = importlib.import_module("h5py")
        except ImportError as error:
            raise RuntimeError("h5py is needed to read the answers of the opoloop command; "
                               "or give server=, an opoloop serve") from error
        numpy = importlib.import_module("numpy")
        with tempfile.TemporaryDirectory(prefix="opoloop-kaiwu-") as folder:
            problem, run_file = os.path.join(folder, "matrix.csv"), os.path.join(folder, "run.h5")
            with open(problem, "w", encoding="ascii") as out:
                for row in matrix:
                    out.write(",".join(repr(float(value)) for value in row) + "\n")
            arguments = [program, "solve", problem, "--format", "kaiwu-csv", "--device", self.device, "--quiet",
                         "--seed", str(self.seed), "--out", run_file]
            if self.runs is not None:
                arguments += ["--runs", str(self.runs)]
            if self.steps is not None:
                arguments += ["--steps", str(self.steps)]
            for name, value in self.parameters.items():
                arguments += ["--set", f"{name}={value}"]
            done = subprocess.run(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True, timeout=self.timeout_s, check=False)
            if done.returncode != 0:
                raise RuntimeError(done.stderr.strip() or f"opoloop ended with exit code {done.returncode}")
            with h5py.File(run_file, "r") as file:
                bits = numpy.unpackbits(file["runs/spins_best"][()], axis=1)[:, :matrix.shape[0]]
            return 2 * bits.astype(int) - 1

    def _ask_server(self, matrix):
        spins = range(matrix.shape[0])
        settings = {"seed": self.seed, "parameters": {k: str(v) for k, v in self.parameters.items()}}
        if self.runs is not None:
            settings["runs"] = self.runs
        if self.steps is not None:
            settings["steps"] = self.steps
        job = {"device": self.device, "label": "kaiwu", "settings": settings, "problem": {
            "n": matrix.shape[0], "kind": "ising", "offset": -float(matrix.trace()),
            "couplings": [[i, j, 2 * float(matrix[i, j])] for i in spins for j in spins
                          if i < j and matrix[i, j] != 0]}}
        accepted_job = self._request("POST", "/v1/jobs", job)
        begun = time.monotonic()
        while True:
            state = self._request("GET", f"/v1/jobs/{accepted_job['id']}?wait=10")
            if state["state"] not in ("queued", "running"):
                break
            if self.timeout_s is not None and time.monotonic() - begun > self.timeout_s:
                self._request("DELETE", f"/v1/jobs/{accepted_job['id']}")
                raise TimeoutError(f"opoloop has not answered after {self.timeout_s} s")
        result = self._request("GET", f"/v1/jobs/{accepted_job['id']}/result")
        return [[1 if c == "+" else -1 for c in sample["spins_best"]] for sample in result["samples"]]

    def _request(self, method, path, body=None):
        import urllib.error
        import urllib.request
        headers = {"Content-Type": "application/json"}
        if os.environ.get("OPOLOOP_TOKEN"):
            headers["Authorization"] = "Bearer " + os.environ["OPOLOOP_TOKEN"]
        request = urllib.request.Request(self.server + path, method=method, headers=headers,
                                         data=None if body is None else json.dumps(body).encode())
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                return json.load(reply)
        except urllib.error.HTTPError as error:
            try:
                message = json.load(error)["error"]["message"]
            except (ValueError, KeyError, TypeError):
                message = f"the server answered {error.code}"
            raise RuntimeError(message) from error


def optimizer_class(base=None):
    """The optimiser, derived from `base`: by default from the base class of whichever of kaiwu and
    kaiwu_community is installed, because their helpers ask for it; from nothing where neither is."""
    candidates = [base] if base is not None else []
    for package in () if base is not None else ("kaiwu", "kaiwu_community"):
        try:
            core = importlib.import_module(package + ".core")
        except ImportError:
            continue
        candidates += [getattr(core, name) for name in ("IsingSolver", "OptimizerBase") if hasattr(core, name)]
    bases = (_OpoloopSolver, candidates[0]) if candidates else (_OpoloopSolver,)
    return type("OpoloopOptimizer", bases, {"__doc__": _OpoloopSolver.__doc__})


def __getattr__(name):
    if name == "OpoloopOptimizer":
        globals()[name] = optimizer_class()
        return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


if __name__ == "__main__":
    sys.exit(main())
