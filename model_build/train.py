"""Fine-tuning on the CPU, with the same result each time on one machine."""

# torch leaves parameters of some functions without a type:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from model_build.network import Classifier, by_length, pad

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tokenizers import Tokenizer

    from model_build.data import Example
    from model_build.progress import Update
    from model_build.spec import Training

# Texts of so many batches are ordered by length together: little padding, and still another order each epoch.
_BATCHES_IN_A_POOL = 50
_MAX_GRADIENT_NORM = 1.0
_LOSS_SMOOTHING = 0.95


def prepare(settings: Training) -> None:
    """Make torch repeatable in this process: fixed seed and threads, no operator with a random order."""
    torch.manual_seed(settings.seed)
    torch.set_num_threads(settings.threads)
    torch.use_deterministic_algorithms(mode=True)


def train(
    network: Classifier,
    tokenizer: Tokenizer,
    examples: Sequence[Example],
    *,
    settings: Training,
    update: Update,
) -> None:
    """Fine-tune the network in place.

    Args:
        network: its frozen parts stay as they are.
        tokenizer: cuts texts at the length that is trained on.
        examples: texts and the indices of their labels.
        settings: of the spec.
        update: is told the share done, the epoch and a running mean of the loss.
    """
    ids = [encoding.ids for encoding in tokenizer.encode_batch([example.text for example in examples])]
    order = random.Random(settings.seed)  # noqa: S311  # an order of texts is no secret
    epochs = [_epoch(ids, size=settings.batch_size, order=order) for _ in range(settings.epochs)]
    steps = sum(map(len, epochs))
    optimizer = _optimizer(network, settings)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, steps, settings.warmup))
    trained = [weight for weight in network.parameters() if weight.requires_grad]
    network.train()
    done, mean_loss = 0, 0.0
    for number, batches in enumerate(epochs, start=1):
        for batch in batches:
            labels = torch.tensor([examples[index].label for index in batch])
            loss = functional.cross_entropy(network.logits(*pad([ids[index] for index in batch])), labels)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trained, _MAX_GRADIENT_NORM)
            optimizer.step()
            schedule.step()
            mean_loss = loss.item() if done == 0 else _smooth(mean_loss, loss.item())
            done += 1
            update(done / steps, f"epoch {number}/{settings.epochs}, step {done}/{steps}, loss {mean_loss:.3f}")
    network.eval()


def _epoch(ids: Sequence[Sequence[int]], *, size: int, order: random.Random) -> list[list[int]]:
    """Batches of indices, each text once."""
    indices = list(range(len(ids)))
    order.shuffle(indices)
    pool = size * _BATCHES_IN_A_POOL
    pools = (indices[start : start + pool] for start in range(0, len(indices), pool))
    batches = [batch for texts in pools for batch in by_length(ids, texts, size=size)]
    order.shuffle(batches)
    return batches


def _optimizer(network: Classifier, settings: Training) -> torch.optim.Optimizer:
    encoder = [weight for weight in network.encoder.parameters() if weight.requires_grad]
    return torch.optim.AdamW(
        [
            {"params": encoder, "lr": settings.learning_rate},
            {"params": list(network.head.parameters()), "lr": settings.head_learning_rate},
        ],
        weight_decay=settings.weight_decay,
    )


def _rate(step: int, steps: int, warmup: float) -> float:
    """Share of the peak learning rate: up in a line, down in a line."""
    rising = max(1.0, warmup * steps)
    return min((step + 1) / rising, max(0.0, (steps - step) / max(1.0, steps - rising)))


def _smooth(mean: float, value: float) -> float:
    return _LOSS_SMOOTHING * mean + (1 - _LOSS_SMOOTHING) * value
