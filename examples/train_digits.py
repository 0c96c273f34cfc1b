"""One line of a standard torch encoder replaced: softmax attention by QAMA on a coherent Ising machine.

Trains both encoders on 8×8 digits (UCI optical digits, 1,797 images, a token a row), prints the test
accuracy of both with intervals over seeds, and then moves the trained model to another machine by its URI alone.

    PYTHONPATH=build/release/python /usr/bin/python3 examples/train_digits.py
"""

import argparse
import csv
import gzip
import os
import pathlib
import statistics
import sys
import time

import torch
from torch import nn

import opoloop

WIDTH, HEADS, TOKENS = 32, 4, 8  # a token is a row of eight pixels
RUNS = 4  # reads of the solver an image; 32 spins need no more
THREADS = len(os.sched_getaffinity(0))  # of the solver; torch gets one, its matrices are too small to share
# The last one as it was built: couplings −1, 0, 1 and nothing between.
MACHINES = ["emulator:", "emulator:ntt-2016?coupling_bits=8", "emulator:ntt-2016"]
# Student's t for 95% and so many seeds.
T95 = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306, 10: 2.262}


def block(attention, device):
    """A block of torch's own encoder, as it is or with one line more."""
    layer = nn.TransformerEncoderLayer(WIDTH, HEADS, dim_feedforward=2 * WIDTH, dropout=0.0, batch_first=True)
    if attention != "softmax":
        layer.self_attn = opoloop.QamaMultiheadAttention(
            WIDTH, HEADS, batch_first=True, form=attention, device=device, runs=RUNS, threads=THREADS
        )
    return layer


class Encoder(nn.Module):
    """Images [B, 8, 8] as one token a row → logits [B, 10]."""

    def __init__(self, attention, device):
        super().__init__()
        self.embed = nn.Linear(8, WIDTH)
        self.position = nn.Parameter(0.02 * torch.randn(TOKENS, WIDTH))
        self.block = block(attention, device)
        self.head = nn.Linear(WIDTH, 10)

    def forward(self, images):
        return self.head(self.block(self.embed(images) + self.position).mean(dim=1))


def digits():
    """((images, labels) to train on, (images, labels) to test on); every fifth image is for testing."""
    path = pathlib.Path(os.environ.get("OPOLOOP_DATA", "$OPOLOOP_DATA")) / "small/attention/digits.csv.gz"
    if not path.exists():
        sys.exit(f"{path} is missing: OPOLOOP_DATA names the folder of public data (64 pixels and a label a line)")
    with gzip.open(path, "rt") as file:
        rows = torch.tensor([[float(v) for v in row] for row in csv.reader(file)])
    images = (rows[:, :64] / 16).reshape(-1, TOKENS, 8)
    labels = rows[:, 64].long()
    test = torch.arange(len(rows)) % 5 == 0
    return (images[~test], labels[~test]), (images[test], labels[test])


def train(model, images, labels, epochs, seed, devices):
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
    order = torch.Generator().manual_seed(seed)
    model.train()
    for _ in range(epochs):
        for number, batch in enumerate(torch.randperm(len(images), generator=order).split(64)):
            if len(devices) > 1:
                model.block.self_attn.device = devices[number % len(devices)]
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(images[batch]), labels[batch]).backward()
            optimiser.step()
        schedule.step()


def predict(model, images):
    model.eval()
    with torch.no_grad():
        return model(images).argmax(dim=1)


def percent(right):
    return 100 * right.float().mean().item()


def mean_and_interval(values):
    """'mean ± half width' of the 95% interval of the mean over seeds."""
    if len(values) < 2:
        return f"{values[0]:.1f}"
    half = T95.get(len(values), 2.2) * statistics.stdev(values) / len(values) ** 0.5
    return f"{statistics.mean(values):.1f} ± {half:.1f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--form", default="v2", choices=["v2", "gated", "v1"])
    parser.add_argument("--device", default="annealing:", help="solves the selections in training")
    parser.add_argument("--also", help="a second device that every other batch is trained on")
    parser.add_argument("--infer-device", nargs="+", default=MACHINES, help="the machines to move to")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=50)
    options = parser.parse_args()
    torch.set_num_threads(1)

    (images, labels), (test_images, test_labels) = digits()
    print(f"{len(images)} images to train on, {len(test_images)} to test on, {options.epochs} epochs; "
          f"{HEADS} heads × {TOKENS} tokens = {HEADS * TOKENS} spins an image")
    devices = [options.device, options.also] if options.also else [options.device]
    accuracy = {"softmax": [], options.form: []}
    moved = {device: ([], []) for device in options.infer_device}  # accuracy, agreement
    for seed in range(options.seeds):
        for attention, scores in accuracy.items():
            torch.manual_seed(seed)
            model = Encoder(attention, options.device)
            start = time.perf_counter()
            train(model, images, labels, options.epochs, seed, devices if attention != "softmax" else [])
            seconds = time.perf_counter() - start
            if attention != "softmax":
                model.block.self_attn.device = options.device
            chosen = predict(model, test_images)
            scores.append(percent(chosen == test_labels))
            print(f"seed {seed}  {attention:8} accuracy {scores[-1]:5.1f}%  trained in {seconds:.0f} s", flush=True)
        for device, (scores, agreement) in moved.items():
            model.block.self_attn.device = device  # the one change
            again = predict(model, test_images)
            scores.append(percent(again == test_labels))
            agreement.append(percent(again == chosen))
            print(f"        {device}: accuracy {scores[-1]:.1f}%, agrees on {agreement[-1]:.1f}%", flush=True)
    difference = [a - b for a, b in zip(accuracy[options.form], accuracy["softmax"])]
    print(f"\n%, mean over {options.seeds} seeds with its 95% interval   test accuracy    same prediction")
    print(f"{'softmax':<45} {mean_and_interval(accuracy['softmax'])}")
    print(f"{options.form + ' on ' + ' and '.join(devices):<45} {mean_and_interval(accuracy[options.form])}")
    print(f"{'  difference, same seeds':<45} {mean_and_interval(difference)} points")
    for device, (scores, agreement) in moved.items():
        print(f"{'  on ' + device:<45} {mean_and_interval(scores):<16} {mean_and_interval(agreement)}")


if __name__ == "__main__":
    main()
