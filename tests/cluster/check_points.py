"""What the tests of mpirun and Slurm look at.

    check_points.py same A.h5 B.h5 …       every column equal bit for bit, wall times apart
    check_points.py once OUT.h5.parts N    the shards hold N points, each once
"""

import json
import pathlib
import sys

import h5py
import numpy


def columns_of(path):
    with h5py.File(path) as file:
        assert file.attrs["complete"] == 1, f"{path} is not complete"
        return {name: data[()] for name, data in file["sweep"].items() if "wall" not in name}


def same(first, *others):
    expected = columns_of(first)
    for other in others:
        columns = columns_of(other)
        assert columns.keys() == expected.keys(), f"{other}: other columns than {first}"
        for name, values in columns.items():
            if values.dtype.kind == "f":
                values, wanted = values.view(numpy.uint64), expected[name].view(numpy.uint64)
            else:
                wanted = expected[name]
            assert numpy.array_equal(values, wanted), f"{other}: {name} differs from {first}"


def once(folder, points):
    indices = []
    for shard in pathlib.Path(folder).glob("shard-*.jsonl"):
        indices += [json.loads(line)[0] for line in shard.read_text().splitlines()[1:]]
    assert sorted(indices) == list(range(int(points))), f"{len(indices)} lines, {len(set(indices))} points of {points}"


{"same": same, "once": once}[sys.argv[1]](*sys.argv[2:])
