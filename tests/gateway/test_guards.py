"""Guards that somebody runs, as their documentation says they answer, over a real connection."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from caveat.gateway.guards import AskedScreen, GuardsError, Registered, panel_of, registered_guards
from caveat.gateway.model_screen import ModelScreen
from caveat.policy.screens import GivenScore, Screens, ScreenSpec
from caveat.screens.protocol import Failure, Unavailable

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def spec(kind: str, *heads: str, deadline_ms: int = 2000, **settings: str) -> ScreenSpec:
    gives = tuple(
        GivenScore("risk", head, 0.0, 1.0, ((0.0, 0), (1.0, 1000)), "nothing", 900) for head in heads
    )
    return ScreenSpec("guard", kind, deadline_ms, gives, tuple(settings.items()))


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[str]:
    app = web.Application(client_max_size=1024)
    app.router.add_route("*", "/{path:.*}", answer)
    server = TestServer(app)
    await server.start_server()
    try:
        yield str(server.make_url("/guard"))
    finally:
        await server.close()


async def asked(one: ScreenSpec, reply: Any) -> tuple[Any, dict[str, Any]]:
    """What the screen makes of this reply, and what it sent."""
    sent: dict[str, Any] = {}

    async def answer(request: web.Request) -> web.Response:
        sent["body"] = await request.json()
        sent["key"] = request.headers.get("authorization")
        return web.json_response(reply)

    async with serving(answer) as url:
        return await AskedScreen(one, Registered(url, "secret")).score("some text"), sent


async def test_an_openai_compatible_moderation_is_asked_and_read() -> None:
    reply = {
        "id": "m",
        "model": "omni",
        "results": [
            {"flagged": True, "categories": {"violence": True}, "category_scores": {"violence": 0.9}}
        ],
    }
    found, sent = await asked(spec("moderation", "violence", model="omni"), reply)
    assert found == {"flagged": 1.0, "violence": 0.9}
    assert sent == {"body": {"input": "some text", "model": "omni"}, "key": "Bearer secret"}


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("\n\nsafe", {"flagged": 0.0, "S9": 0.0}),
        ("unsafe\nS1,S9", {"flagged": 1.0, "S9": 1.0}),
        ("unsafe\nS2", {"flagged": 1.0, "S9": 0.0}),
        ("unsafe", {"flagged": 1.0, "S9": 1.0}),
        ("I think that is safe", Unavailable(Failure.UNREADABLE)),
        ("safe\nunsafe", Unavailable(Failure.UNREADABLE)),
        ("", Unavailable(Failure.UNREADABLE)),
    ],
)
async def test_a_chat_classifier_says_safe_or_unsafe_with_codes_and_nothing_else(
    said: str, found: object
) -> None:
    reply = {"choices": [{"index": 0, "message": {"role": "assistant", "content": said}}]}
    assert (await asked(spec("chat_classifier", "S9"), reply))[0] == found


@pytest.mark.parametrize(
    ("reply", "flagged"),
    [
        ({"status": "blocked", "rails_status": {"self check input": {"status": "blocked"}}}, 1.0),
        ({"status": "success", "rails_status": {}}, 0.0),
        (
            {
                "messages": [],
                "log": {
                    "activated_rails": [{"type": "input", "stop": False}, {"type": "input", "stop": True}]
                },
            },
            1.0,
        ),
        (
            {"choices": [], "guardrails": {"log": {"activated_rails": [{"type": "output", "stop": False}]}}},
            0.0,
        ),
    ],
)
async def test_a_nemo_guardrails_server_is_read(reply: object, flagged: float) -> None:
    found, sent = await asked(spec("nemo", "flagged", config_id="rules"), reply)
    assert found == {"flagged": flagged}
    assert sent["body"]["guardrails"]["config_id"] == "rules"


async def test_an_answer_in_which_no_rail_ran_is_not_a_clean_one() -> None:
    found, _ = await asked(spec("nemo", "flagged"), {"log": {"activated_rails": []}})
    assert found == Unavailable(Failure.UNREADABLE)


async def test_an_llm_guard_server_is_asked_and_read() -> None:
    found, sent = await asked(
        spec("llm_guard", "Toxicity"),
        {"is_valid": False, "scanners": {"Toxicity": 0.8}, "sanitized_prompt": ""},
    )
    assert found == {"flagged": 1.0, "Toxicity": 0.8}
    assert sent["body"] == {"prompt": "some text"}


async def test_a_presidio_analyzer_gives_the_greatest_score_of_each_kind() -> None:
    reply = [
        {"entity_type": "PERSON", "start": 0, "end": 4, "score": 0.6, "analysis_explanation": None},
        {"entity_type": "PERSON", "start": 5, "end": 9, "score": 0.85},
    ]
    found, sent = await asked(spec("presidio", "PERSON", "US_SSN"), reply)
    assert (found["PERSON"], found["US_SSN"]) == (0.85, 0.0)
    assert sent["body"] == {"text": "some text", "language": "en", "entities": ["PERSON", "US_SSN"]}


async def test_any_endpoint_is_read_by_a_pointer() -> None:
    found, sent = await asked(spec("http", "risk", field="q", risk="/a/0/b~1c"), {"a": [{"b/c": 0.3}]})
    assert (found, sent["body"]) == ({"risk": 0.3}, {"q": "some text"})
    assert (await asked(spec("http", "risk", risk="/a/7"), {"a": []}))[0] == Unavailable(Failure.UNREADABLE)


async def test_a_redirect_is_not_followed() -> None:
    paths = []

    async def answer(request: web.Request) -> web.Response:
        paths.append(request.path)
        return web.Response(status=307, headers={"location": "/elsewhere"})

    async with serving(answer) as url:
        assert await AskedScreen(spec("http", "risk"), Registered(url)).score("t") == Unavailable(
            Failure.REDIRECTED
        )
    assert paths == ["/guard"]


async def test_an_answer_without_an_end_is_read_up_to_a_limit() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            try:
                await response.write(b"[" * 65_536)
            except (ConnectionError, asyncio.CancelledError):
                return response

    async with serving(answer) as url:
        assert await AskedScreen(spec("http", "risk"), Registered(url)).score("t") == Unavailable(
            Failure.TOO_LARGE
        )


@pytest.mark.parametrize(
    "reply", [[], {}, None, "safe", 7, {"results": []}, {"results": [{}]}, {"choices": [{}]}]
)
@pytest.mark.parametrize("kind", ["moderation", "chat_classifier", "nemo", "llm_guard", "http"])
async def test_what_is_not_documented_is_unreadable(kind: str, reply: object) -> None:
    assert (await asked(spec(kind, "risk"), reply))[0] == Unavailable(Failure.UNREADABLE)


async def test_a_refusal_and_a_closed_port_are_failures() -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"risk": 0.0}, status=500)

    async with serving(answer) as url:
        assert await AskedScreen(spec("http", "risk"), Registered(url)).score("t") == Unavailable(
            Failure.REFUSED
        )
    assert await AskedScreen(spec("http", "risk"), Registered(url)).score("t") == Unavailable(
        Failure.UNREACHABLE
    )


async def test_a_guard_that_hangs_has_its_declared_failure_in_time() -> None:
    async def answer(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        return web.Response()

    async with serving(answer) as url:
        panel = panel_of(Screens(panel=(spec("http", "risk", deadline_ms=20),)), {"guard": Registered(url)})
        score = (await panel.read("t"))["risk"]
    assert (score.value, score.source) == (900, "unavailable:timed_out")


async def test_a_screen_that_the_operator_did_not_register_is_unavailable() -> None:
    score = (await panel_of(Screens(panel=(spec("http", "risk"),))).read("t"))["risk"]
    assert (score.value, score.source) == (900, "unavailable:not_registered")


def test_addresses_and_keys_are_what_the_operator_registered(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("from file\n")
    found = registered_guards(
        {
            "CAVEAT_SCREEN_MY_GUARD_URL": "https://guard.example/v1",
            "CAVEAT_SCREEN_MY_GUARD_KEY_FILE": str(file),
            "CAVEAT_OTHER": "x",
        }
    )
    assert found == {"my_guard": Registered("https://guard.example/v1", "from file")}
    assert "from file" not in repr(found)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "guard", "https://user:word@guard.example/"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(GuardsError):
        registered_guards({"CAVEAT_SCREEN_A_URL": url})


def test_a_model_file_that_cannot_be_had_is_no_screen(tmp_path: Path) -> None:
    broken = tmp_path / "model"
    broken.write_bytes(b"broken")
    assert ModelScreen.load(tmp_path / "none") is None
    assert ModelScreen.load(broken) is None


async def test_a_classifier_scores_as_a_screen_and_is_cited_by_its_digest() -> None:
    class Fake:
        digest: str = "f" * 64
        heads: tuple[str, ...] = ("injection",)

        def scores(self, text: str) -> dict[str, int]:
            return {"injection": len(text)}

    screen = ModelScreen(Fake())
    assert (screen.digest, dict(screen.score("abc"))) == ("f" * 64, {"injection": 3})
