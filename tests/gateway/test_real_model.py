"""The whole path before a real model: protocol shapes, verdicts and records, never its words."""

from typing import Any

import anthropic
import openai
import pytest

from caveat.cli.exit import CannotRunError
from caveat.cli.local_model import ALIAS, find_weights, running_model
from tests.support.running_gateway import running_gateway
from tests.support.small_bundle import CHAT_KEY, DESK_KEY

try:
    find_weights()
except CannotRunError:
    pytest.skip("the local model is not installed", allow_module_level=True)

ASK: Any = [{"role": "user", "content": "What is the capital of France? Answer in one sentence."}]


@pytest.mark.real_model
@pytest.mark.slow
def test_a_real_model_answers_both_sdks_through_the_gateway(tmp_path_factory: pytest.TempPathFactory) -> None:
    with running_model() as model, running_gateway(tmp_path_factory.mktemp("real"), model.url) as gateway:
        one = openai.OpenAI(api_key=CHAT_KEY, base_url=f"{gateway.url}/v1")
        # The gateway of this test has another key than the model: it is refused, clearly.
        with pytest.raises(openai.InternalServerError) as refused:
            one.chat.completions.create(model=ALIAS, max_tokens=8, messages=ASK)
        assert refused.value.code == "upstream_refused_key"
        one.close()
    with (
        running_model() as model,
        running_gateway(tmp_path_factory.mktemp("real"), model.url, key=model.key) as gateway,
        openai.OpenAI(api_key=CHAT_KEY, base_url=f"{gateway.url}/v1") as one,
        anthropic.Anthropic(api_key=CHAT_KEY, base_url=gateway.url) as two,
    ):
        whole = one.chat.completions.create(model=ALIAS, max_tokens=8, messages=ASK)
        assert whole.choices[0].message.content
        assert whole.usage is not None
        stream = one.chat.completions.create(model=ALIAS, max_tokens=8, messages=ASK, stream=True)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
        message = two.messages.create(model=ALIAS, max_tokens=8, messages=ASK)
        assert message.usage.output_tokens > 0
        with two.messages.stream(model=ALIAS, max_tokens=8, messages=ASK) as events:
            assert "".join(events.text_stream)
        assert [model.id for model in one.models.list()] == [ALIAS]
        with openai.OpenAI(api_key=DESK_KEY, base_url=f"{gateway.url}/v1") as desk:
            rows = "\n".join(f"d{n},x" for n in range(9))
            with pytest.raises(openai.PermissionDeniedError):
                desk.chat.completions.create(model=ALIAS, messages=[{"role": "user", "content": rows}])
        verdicts = [(record["point"], record["verdict"]) for record in gateway.records()]
        assert verdicts == [("prompt", "allow"), ("output", "allow")] * 4 + [("prompt", "needs_evidence")]
        assert all(record["complete"] for record in gateway.records("output_end"))
