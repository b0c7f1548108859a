"""The network: a BERT encoder, the mean over its tokens, a linear classifier."""

# torch and tokenizers leave parameters of some functions without a type:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import torch
from safetensors.torch import load
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import BertConfig, BertModel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from model_build.spec import Spec

# Added to the attention scores of padding, so that exp() of them is zero.
_MASKED = -1e9


class Classifier(nn.Module):
    """Texts as token ids in, probabilities of the labels out."""

    def __init__(self, encoder: BertModel, *, labels: int, dropout: float) -> None:
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(encoder.config.hidden_size, labels)

    def logits(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return float32 [batch, labels] for int64 [batch, sequence] ids and a mask of ones and zeros."""
        # The finished mask keeps the library from adding its own shape logic to the exported graph.
        scores = (1.0 - attention_mask[:, None, None, :].to(torch.float32)) * _MASKED
        states = cast("Tensor", self.encoder(input_ids=input_ids, attention_mask=scores).last_hidden_state)
        weights = attention_mask.unsqueeze(-1).to(torch.float32)
        mean = (states * weights).sum(1) / weights.sum(1).clamp(min=1.0)
        return cast("Tensor", self.head(self.dropout(mean)))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return probabilities, float32 [batch, labels]."""
        return self.logits(input_ids, attention_mask).softmax(-1)


def make_network(files: Mapping[str, bytes], spec: Spec) -> Classifier:
    """Make the network with the encoder's weights; the classifier's are drawn from the spec's seed.

    Args:
        files: config.json and model.safetensors.
        spec: with the seed, the labels and the layers to freeze.
    """
    torch.manual_seed(spec.training.seed)
    settings = json.loads(files["config.json"])
    dropout = spec.training.dropout
    settings |= {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
    # The plain attention exports to the fewest operators, and costs no more at these lengths.
    config = BertConfig.from_dict(settings | {"attn_implementation": "eager"})
    encoder = BertModel(config, add_pooling_layer=False)
    weights = load(files["model.safetensors"])
    wanted = encoder.state_dict().keys()
    encoder.load_state_dict({name: weights[name] for name in wanted})
    encoder.requires_grad_(requires_grad=True)
    encoder.embeddings.requires_grad_(requires_grad=False)
    for layer in encoder.encoder.layer[: spec.training.frozen_layers]:
        layer.requires_grad_(requires_grad=False)
    return Classifier(encoder, labels=len(spec.labels), dropout=dropout)


def make_tokenizer(files: Mapping[str, bytes], *, max_tokens: int | None = None) -> Tokenizer:
    """Make the tokenizer; it pads nothing, and cuts only at ``max_tokens``."""
    tokenizer = Tokenizer.from_str(files["tokenizer.json"].decode())
    tokenizer.no_padding()
    tokenizer.no_truncation()
    if max_tokens is not None:
        tokenizer.enable_truncation(max_tokens)
    return tokenizer


def pad(ids: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Return ids and mask, int64 [batch, longest], zeros at the end."""
    longest = max(map(len, ids))
    mask = [[1] * len(row) + [0] * (longest - len(row)) for row in ids]
    padded = [[*row, *([0] * (longest - len(row)))] for row in ids]
    return torch.tensor(padded), torch.tensor(mask)


def by_length(ids: Sequence[Sequence[int]], indices: Iterable[int], *, size: int) -> list[list[int]]:
    """Group indices of texts into batches of similar length, so that little is padded."""
    ordered = sorted(indices, key=lambda index: len(ids[index]))
    return [ordered[start : start + size] for start in range(0, len(ordered), size)]
