#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# torch's LSTM in one thread, float and dynamically quantized to int8: "H BATCH FLOAT_NS INT8_NS" a line, ns per step and sequence.
import sys
import time

import torch

INPUTS, STEPS, ROUNDS = 32, 5, 3


class Model(torch.nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.lstm = torch.nn.LSTM(INPUTS, hidden)

    def forward(self, x):
        return self.lstm(x)[0]


def ns_per_step(model, batch):
    steps = STEPS if batch > 1 else 40 * STEPS
    x = torch.rand(steps, batch, INPUTS)
    times = []
    with torch.no_grad():
        model(x)
        for _ in range(ROUNDS):
            start = time.process_time()
            model(x)
            times.append((time.process_time() - start) / (steps * batch) * 1e9)
    return sorted(times)[ROUNDS // 2]


def main():
    torch.set_num_threads(1)
    torch.manual_seed(1)
    for hidden in (32, 64):
        model = Model(hidden).eval()
        quantized = torch.quantization.quantize_dynamic(model, {torch.nn.LSTM}, dtype=torch.qint8)
        for batch in map(int, sys.argv[1:]):
            print(hidden, batch, "%.1f %.1f" % (ns_per_step(model, batch), ns_per_step(quantized, batch)))


main()
