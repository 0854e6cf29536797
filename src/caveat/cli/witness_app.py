"""A witness over HTTP: the one call `add-checkpoint` of C2SP tlog-witness, and nothing else."""

import asyncio

from aiohttp import web

from caveat.ledger.errors import LedgerError
from caveat.ledger.witness import MAX_SUBMISSION_BYTES, Answer, Outcome, Witness

SIZE_TYPE = "text/x.tlog.size"


def witness_app(witness: Witness) -> web.Application:
    """The application; it closes the witness with itself."""
    app = web.Application(client_max_size=MAX_SUBMISSION_BYTES)

    async def add_checkpoint(request: web.Request) -> web.Response:
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return _respond(Answer(Outcome.MALFORMED))
        try:
            answer = await asyncio.to_thread(witness.add_checkpoint, body)
        except (OSError, LedgerError):
            return web.Response(status=503)  # what cannot be kept is not cosigned
        return _respond(answer)

    async def close(_app: web.Application) -> None:
        witness.close()

    app.router.add_post("/add-checkpoint", add_checkpoint)
    app.on_cleanup.append(close)
    return app


def _respond(answer: Answer) -> web.Response:
    if answer.outcome is Outcome.COSIGNED:
        return web.Response(text=answer.lines)
    if answer.outcome is Outcome.CONFLICT:
        return web.Response(status=409, body=f"{answer.size}\n".encode(), headers={"content-type": SIZE_TYPE})
    return web.Response(status=answer.outcome.value)
