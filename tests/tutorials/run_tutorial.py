"""Runs a tutorial as its reader would, block by block, and compares what it prints.

    run_tutorial.py TUTORIAL.md --opoloop build/release/opoloop [--python-path build/release/python]

Blocks fenced as ```bash and ```python are run in order, in one scratch folder that has the repository's data/ and
examples/ in it. A ```text block right after one is what it prints: … stands for anything on a line, a line of … alone
for any number of lines. Other blocks are only shown. A line `<!-- needs: torch -->` or `<!-- needs command: mpirun -->`
says what the tutorial is skipped without.
"""

import argparse
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks_of(text):
    """[(language, body, first line)] of the fenced blocks."""
    return [(m[1], m[2], text.count("\n", 0, m.start()) + 2) for m in FENCE.finditer(text)]


def with_places_of_this_run(text):
    """`text` with the places that programs meet at changed to ones that no other run on this computer uses."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return text.replace("shm:tutorial", f"shm:tutorial-{os.getpid()}").replace("127.0.0.1:47811", f"127.0.0.1:{port}")


def matches(expected, printed):
    """Whether `printed` is `expected` with each … filled in."""
    pattern = ""
    for line in expected.rstrip().split("\n"):
        if line.strip() == "…":
            pattern += r"(?:.*\n)*?"
        else:
            # A run of blanks stands for any other: columns move when a number grows by a digit.
            words = [r"[^\n]*".join(re.escape(part) for part in word.split("…")) for word in line.split()]
            pattern += r"[ \t]*" + r"[ \t]+".join(words) + r"[ \t]*\n"
    return re.fullmatch(pattern, printed.rstrip() + "\n") is not None


def command_of(language, body, python):
    if language == "bash":
        return ["bash", "-euo", "pipefail", "-c", body]
    return [python, "-W", "error::DeprecationWarning", "-c", body]


def run(path, environment, python, folder, verbose):
    """Number of blocks run. Exits with what went wrong."""
    blocks = blocks_of(with_places_of_this_run(path.read_text()))
    count = 0
    for index, (language, body, line) in enumerate(blocks):
        if language not in ("bash", "python"):
            continue
        done = subprocess.run(command_of(language, body, python), cwd=folder, env=environment, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
        count += 1
        if verbose:
            print(f"--- {path.name}:{line}\n{done.stdout}", end="", flush=True)
        if done.returncode != 0:
            sys.exit(f"{path}:{line}: exit code {done.returncode}\n{body}--- printed\n{done.stdout}")
        follows = blocks[index + 1] if index + 1 < len(blocks) else ("", "", 0)
        if follows[0] == "text" and not matches(follows[1], done.stdout):
            sys.exit(f"{path}:{follows[2]}: expected\n{follows[1]}--- printed\n{done.stdout}")
    return count


def missing(text, python, environment):
    """What the tutorial needs and this machine has not."""
    for module in re.findall(r"<!-- needs: (\w+) -->", text):
        probe = subprocess.run([python, "-c", f"import {module}"], env=environment, stderr=subprocess.DEVNULL)
        if probe.returncode != 0:
            return f"Python module {module}"
    for command in re.findall(r"<!-- needs command: (\w+) -->", text):
        if shutil.which(command) is None:
            return f"command {command}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tutorial", type=pathlib.Path)
    parser.add_argument("--opoloop", type=pathlib.Path, required=True, help="the program the tutorial calls")
    parser.add_argument("--python", default="/usr/bin/python3")
    parser.add_argument("--python-path", default="", help="where the package opoloop is")
    parser.add_argument("--verbose", action="store_true", help="show what every block prints")
    options = parser.parse_args()
    environment = dict(os.environ, PATH=f"{options.opoloop.resolve().parent}:{os.environ['PATH']}",
                       PYTHONPATH=str(pathlib.Path(options.python_path).resolve()), PYTHONDONTWRITEBYTECODE="1",
                       OMP_NUM_THREADS="1",
                       # CI may be root; a reader mostly is not.
                       OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    absent = missing(options.tutorial.read_text(), options.python, environment)
    if absent:
        print(f"tutorial skipped: no {absent}")
        return
    with tempfile.TemporaryDirectory() as folder:
        for name in ("data", "examples"):
            os.symlink(REPOSITORY / name, pathlib.Path(folder) / name)
        count = run(options.tutorial.resolve(), environment, options.python, folder, options.verbose)
    if count == 0:
        sys.exit(f"{options.tutorial}: nothing to run")
    print(f"{options.tutorial}: {count} blocks ran")


if __name__ == "__main__":
    main()
