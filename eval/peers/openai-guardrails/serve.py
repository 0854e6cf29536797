"""OpenAI Guardrails before a model: the drop-in client, with a pipeline of checks before and after."""

import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import front  # noqa: E402 - found by the line above; the peer's environment does not have it
from guardrails import GuardrailsAsyncOpenAI, GuardrailTripwireTriggered  # noqa: E402
from openai import APIConnectionError, APIStatusError  # noqa: E402

CONFIGURATION = HERE / "guardrails.json"


def main() -> None:
    """Makes the client once and serves."""
    asked = front.arguments()
    client = GuardrailsAsyncOpenAI(
        config=CONFIGURATION,
        raise_guardrail_errors=True,
        base_url=f"{asked.upstream}/v1",
        api_key="unused",
        max_retries=0,
    )

    async def guard(document: front.Document, ask: front.AskUpstream) -> front.Document:
        del ask  # the client asks the model itself
        try:
            answer = await client.chat.completions.create(**document)
        except GuardrailTripwireTriggered as tripped:
            raise front.BlockedError(str(tripped.guardrail_result.info.get("guardrail_name"))) from tripped
        except APIStatusError as error:
            raise front.UpstreamError(error.status_code) from error
        except APIConnectionError as error:
            raise front.UpstreamError(502) from error
        found: front.Document = answer._llm_response.model_dump(mode="json")
        return found

    stages = json.loads(CONFIGURATION.read_text())
    description = front.Description(
        name="OpenAI Guardrails",
        packages=("openai-guardrails", "openai"),
        detectors=[
            f"{stage}: {one['name']}"
            for stage in ("pre_flight", "output")
            for one in stages[stage]["guardrails"]
        ],
        left_out=json.loads((HERE / "left_out.json").read_text()),
        configuration=front.digest([CONFIGURATION.read_bytes()]),
    )
    front.serve(description, guard, asked.upstream, asked.port)


if __name__ == "__main__":
    main()
