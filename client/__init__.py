"""The client library: predictions, and feedback on them, from a service of inferstack.

It needs httpx and nothing else of this repository.
"""

from client.answers import Answer, Prediction
from client.buckets import BUCKET_HEADER, user_bucket
from client.clients import AsyncClient, Client
from client.errors import (
    ClientError,
    Issue,
    NoAnswerError,
    Problem,
    RefusedError,
    UnavailableError,
    UnexpectedAnswerError,
)
from client.retries import Retries

__all__ = [
    "BUCKET_HEADER",
    "Answer",
    "AsyncClient",
    "Client",
    "ClientError",
    "Issue",
    "NoAnswerError",
    "Prediction",
    "Problem",
    "RefusedError",
    "Retries",
    "UnavailableError",
    "UnexpectedAnswerError",
    "user_bucket",
]
