#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Reference vectors for test_train_torch.c, made with torch (Debian's python3-torch) in double: what the network says, its loss, and
# its weights after three updates. Weights, inputs and labels come from noise(), which the test has too.
#
#	tests/unit/train_torch.py >tests/unit/train_torch.h
import math

import torch

INPUTS, HIDDEN, OUTPUTS, DIRECT, STEPS, UPDATES, EVERY = 64, 16, 168, 48, 7, 3, 37
HORIZONS, RESOURCES, RISKS, LEVELS = 6, 4, 8, (0.1, 0.5, 0.9, 0.99)
RATE, DECAY, DIRECT_DECAY, CLIP = 0.01, 0.05, 0.2, 1.0
DEMAND, SLI, RISK = 4.0, 2.0, 8.0
GATES, GATE_BIAS, HEAD, HEAD_BIAS, DIRECTS, INPUT, NOW, THEN, LABEL = range(9)


def noise(kind, i):
    """-.5 .. .5 in steps of 1/256, the same on every machine."""
    return (((i * 2654435761 + kind * 2246822519) & 0xFFFFFFFF) * 3266489917 & 0xFFFFFFFF) / 2**32 // (1 / 256) / 256 - 0.5


def table(kind, *shape):
    return torch.tensor([noise(kind, i) for i in range(math.prod(shape))], dtype=torch.float64).reshape(shape)


class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = torch.nn.LSTM(INPUTS, HIDDEN)
        self.head = torch.nn.Linear(HIDDEN, OUTPUTS)
        self.direct = torch.nn.Linear(INPUTS, DIRECT, bias=False)
        gates = table(GATES, 4 * HIDDEN, INPUTS + HIDDEN)
        with torch.no_grad():
            self.lstm.weight_ih_l0.data = gates[:, :INPUTS].clone()
            self.lstm.weight_hh_l0.data = gates[:, INPUTS:].clone()
            self.lstm.bias_ih_l0.data = table(GATE_BIAS, 4 * HIDDEN)
            self.lstm.bias_hh_l0.data = torch.zeros(4 * HIDDEN, dtype=torch.float64)
            self.head.weight.data = table(HEAD, OUTPUTS, HIDDEN)
            self.head.bias.data = table(HEAD_BIAS, OUTPUTS)
            self.direct.weight.data = table(DIRECTS, DIRECT, INPUTS)
        self.lstm.bias_hh_l0.requires_grad = False

    def forward(self, x):
        y = self.head(self.lstm(x)[0])
        return torch.cat((y[:, :DIRECT] + self.direct(x), y[:, DIRECT:]), 1)

    def tensors(self):
        """In the order of enum lstm_tensor."""
        gates = torch.cat((self.lstm.weight_ih_l0, self.lstm.weight_hh_l0), 1)
        return gates, self.lstm.bias_ih_l0, self.head.weight, self.head.bias, self.direct.weight


def pinball(raw, label):
    step = torch.nn.functional.softplus(raw)
    quantiles = (raw[1] - step[0], raw[1], raw[1] + step[2], raw[1] + step[2] + step[3])
    return sum(torch.maximum(q * (label - said), (q - 1) * (label - said)) for q, said in zip(LEVELS, quantiles)) / len(LEVELS)


def loss_of(output):
    """Mean per step; every label is known."""
    total = 0
    for t in range(STEPS):
        for h in range(HORIZONS):
            at, base = t * HORIZONS + h, DIRECT + h * (RESOURCES + 1) * 4
            for r in range(RESOURCES):
                moved = (noise(THEN, at * 5 + r) - noise(NOW, t * 5 + r)) * (10 if r == 1 else 1)
                total += DEMAND / RESOURCES * pinball(output[t, base + 4 * r:base + 4 * r + 4], moved)
            total += SLI * pinball(output[t, base + 16:base + 20], noise(THEN, at * 5 + 4))
            for s in range(RISKS):
                label = torch.tensor(float(noise(LABEL, at * RISKS + s) > 0), dtype=torch.float64)
                total += RISK * torch.nn.functional.binary_cross_entropy_with_logits(output[t, h * RISKS + s], label)
    return total / HORIZONS / STEPS


def numbers(name, values):
    text = ["%.9g" % v for v in values]
    lines = ["\t" + ", ".join(text[i:i + 8]) + "," for i in range(0, len(text), 8)]
    print("static const double %s[] = {\n%s\n};" % (name, "\n".join(lines)))


def main():
    network = Network()
    optimizer = torch.optim.AdamW([
        {"params": [network.lstm.weight_ih_l0, network.lstm.weight_hh_l0, network.head.weight], "weight_decay": DECAY},
        {"params": [network.direct.weight], "weight_decay": DIRECT_DECAY},
        {"params": [network.lstm.bias_ih_l0, network.head.bias], "weight_decay": 0.0}], lr=RATE)
    inputs, losses = table(INPUT, STEPS, INPUTS), []
    said = network(inputs)[-1].tolist()
    for update in range(UPDATES):
        for group in optimizer.param_groups:
            group["lr"] = RATE * (0.05 + 0.95 * 0.5 * (1 + math.cos(update / UPDATES * math.pi)))
        optimizer.zero_grad()
        loss = loss_of(network(inputs))
        loss.backward()
        losses.append(loss.item())
        torch.nn.utils.clip_grad_norm_(network.parameters(), CLIP)
        optimizer.step()
    print("/* SPDX-License-Identifier: GPL-2.0-or-later */\n/* Made by tests/unit/train_torch.py with torch %s; do not edit. */" %
          torch.__version__)
    numbers("torch_output", said)
    numbers("torch_loss", losses)
    for name, tensor in zip(("gate", "gate_bias", "head", "head_bias", "direct"), network.tensors()):
        numbers("torch_" + name, tensor.flatten()[::EVERY].tolist())


main()
