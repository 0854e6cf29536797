"""Which model stands behind the arms of a run: the scripted, the small local, or a named one."""

from collections.abc import Generator
from contextlib import contextmanager

from caveat.assay.briefing import Model
from caveat.cli.exit import CannotRunError
from caveat.cli.local_model import ALIAS, find_weights, running_model

LOCAL_CONCURRENCY = 2
"""The small model answers one at a time: more at once only wait for each other, and time out."""


@contextmanager
def chosen_model(*, local: bool, upstream: str | None, key: str) -> Generator[Model | None]:
    """The model, running where it is the small local one; None for the scripted one. Raises
    `CannotRunError`."""
    if local and upstream is not None:
        raise CannotRunError(
            "a run has one model, and two were given", "leave --local-model or --upstream out"
        )
    if local:
        name = find_weights().stem
        with running_model() as found:
            yield Model(name, found.url, found.key, ALIAS)
    elif upstream is None:
        yield None
    else:
        url, _, model = upstream.partition("#")
        yield Model(model or "the given model", url.rstrip("/").removesuffix("/v1"), key, model)
