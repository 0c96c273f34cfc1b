"""One epoch of the published image encoder on MNIST with a coherent Ising machine in the loop, timed.

The encoder of P. Du et al., arXiv 2504.11083: patches of 4×4 pixels, LayerNorm–Linear–LayerNorm to width 64,
sine–cosine positions, one block of 8 heads of width 8 and an MLP of 64, mean over the 49 tokens, a linear head;
batches of 128, Adam with 1e−3. 8 heads × 49 tokens are 392 spins an image.

    PYTHONPATH=build/release/python /usr/bin/python3 examples/train_mnist.py --images 10000 --device emulator:
"""

import argparse
import gzip
import os
import pathlib
import sys
import time

import torch
from torch import nn

import opoloop

WIDTH, HEADS, PATCH = 64, 8, 4


class Timed(nn.Module):
    """A module and the seconds of its forward passes."""

    def __init__(self, module):
        super().__init__()
        self.module, self.seconds = module, 0.0

    def forward(self, *inputs, **options):
        start = time.perf_counter()
        result = self.module(*inputs, **options)
        self.seconds += time.perf_counter() - start
        return result


def positions(side, width):
    """Sine–cosine positions of a side × side grid, [side², width]: a quarter each of sin and cos of y and x."""
    frequency = 1e4 ** (-torch.arange(width // 4) / (width // 4 - 1))
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    y, x = y.flatten()[:, None] * frequency, x.flatten()[:, None] * frequency
    return torch.cat([x.sin(), x.cos(), y.sin(), y.cos()], dim=1)


class ImageEncoder(nn.Module):
    """Images [B, 28, 28] → logits [B, 10]."""

    def __init__(self, attention):
        super().__init__()
        pixels = PATCH * PATCH
        self.embed = nn.Sequential(nn.LayerNorm(pixels), nn.Linear(pixels, WIDTH), nn.LayerNorm(WIDTH))
        self.register_buffer("positions", positions(28 // PATCH, WIDTH))
        self.attention = Timed(attention)
        self.mlp = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 64), nn.GELU(), nn.Linear(64, WIDTH))
        self.head = nn.Linear(WIDTH, 10)

    def forward(self, images):
        patches = images.unfold(1, PATCH, PATCH).unfold(2, PATCH, PATCH).flatten(1, 2).flatten(2)  # [B, 49, 16]
        x = self.embed(patches) + self.positions
        x = x + self.attention(x, x, x, need_weights=False)[0]
        x = x + self.mlp(x)
        return self.head(x.mean(dim=1))


def idx(name):
    """An IDX file of the public data as a tensor."""
    path = pathlib.Path(os.environ.get("OPOLOOP_DATA", "$OPOLOOP_DATA")) / "medium/attention/mnist" / name
    if not path.exists():
        sys.exit(f"{path} is missing: OPOLOOP_DATA names the folder of public data")
    with gzip.open(path) as file:
        data = file.read()
    dimensions = [int.from_bytes(data[4 + 4 * k : 8 + 4 * k], "big") for k in range(data[3])]
    return torch.frombuffer(bytearray(data[4 + 4 * len(dimensions) :]), dtype=torch.uint8).reshape(dimensions)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--images", type=int, default=10000, help="to train on; the 2,000 after them are for testing")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--form", default="v2", choices=["softmax", "v2", "gated", "v1"])
    parser.add_argument("--device", default="emulator:")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)

    images = idx("train-images-idx3-ubyte.gz").float() / 255
    labels = idx("train-labels-idx1-ubyte.gz").long()
    if options.form == "softmax":
        attention = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
    else:
        attention = opoloop.QamaMultiheadAttention(
            WIDTH, HEADS, batch_first=True, device=options.device, form=options.form
        )
    model = ImageEncoder(attention)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    for epoch in range(options.epochs):
        model.train()
        model.attention.seconds = 0
        backward, start, total = 0.0, time.perf_counter(), 0.0
        for batch in torch.randperm(options.images).split(128):
            optimiser.zero_grad()
            loss = nn.functional.cross_entropy(model(images[batch]), labels[batch])
            begin = time.perf_counter()
            loss.backward()
            backward += time.perf_counter() - begin
            optimiser.step()
            total += loss.item() * len(batch)
        seconds = time.perf_counter() - start
        forward = model.attention.seconds
        model.eval()
        with torch.no_grad():
            test = range(options.images, min(options.images + 2000, len(images)))
            right = [model(images[i : i + 200]).argmax(1) == labels[i : i + 200] for i in test[::200]]
        accuracy = 100 * torch.cat(right).float().mean().item() if right else float("nan")
        print(f"epoch {epoch + 1}: {seconds:.1f} s = attention forward {forward:.1f} + all gradients {backward:.1f} "
              f"+ other {seconds - forward - backward:.1f}; loss {total / options.images:.3f}, "
              f"test accuracy {accuracy:.1f}%; {options.form} on {options.device}, {options.threads} threads",
              flush=True)


if __name__ == "__main__":
    main()
