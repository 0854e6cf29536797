"""NVIDIA NeMo Guardrails before a model: input rails on what goes in, output rails on what comes back."""

import json
import sys
from pathlib import Path

import yaml

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import front  # noqa: E402 - found by the line above; the peer's environment does not have it
from nemoguardrails import LLMRails, RailsConfig  # noqa: E402
from nemoguardrails.rails.llm.options import RailStatus, RailType  # noqa: E402

CONFIGURATION = HERE / "config"
INPUT_ROLES = frozenset({"user", "tool", "function"})
"""Results of tools pass the input rails as a user's words do: the rails for tools call models or actions of
one's own, and what comes from a tool is as foreign as what comes from a user."""


def main() -> None:
    """Loads the rails once and serves."""
    asked = front.arguments()
    rails = LLMRails(_configuration())

    async def check(messages: list[dict[str, str]], rail_type: RailType) -> None:
        result = await rails.check_async(messages, rail_types=[rail_type])
        if result.status is RailStatus.BLOCKED:
            raise front.BlockedError(result.rail or rail_type.value)

    async def guard(document: front.Document, ask: front.AskUpstream) -> front.Document:
        said = [
            front.text_of(one.get("content")) for one in document["messages"] if one["role"] in INPUT_ROLES
        ]
        for text in said:
            await check([{"role": "user", "content": text}], RailType.INPUT)
        answer = await ask(document)
        for choice in answer["choices"]:
            text = front.text_of(choice["message"].get("content"))
            if text:
                asked_for = {"role": "user", "content": said[-1] if said else ""}
                await check([asked_for, {"role": "assistant", "content": text}], RailType.OUTPUT)
        return answer

    configured = rails.config.rails
    description = front.Description(
        name="NVIDIA NeMo Guardrails",
        packages=("nemoguardrails", "yara-python"),
        detectors=[
            *(f"input: {flow}" for flow in configured.input.flows),
            *(f"output: {flow}" for flow in configured.output.flows),
        ],
        left_out=json.loads((HERE / "left_out.json").read_text()),
        configuration=front.digest(
            [*(path.read_bytes() for path in sorted(CONFIGURATION.iterdir())), front.PATTERNS.read_bytes()]
        ),
    )
    front.serve(description, guard, asked.upstream, asked.port)


def _configuration() -> RailsConfig:
    """The configuration file, with the patterns of the policy put in."""
    configured = yaml.safe_load((CONFIGURATION / "config.yml").read_text())
    patterns = list(front.policy_patterns().values())
    configured["rails"]["config"]["regex_detection"]["input"]["patterns"] = patterns
    return RailsConfig.from_content(config=configured)


if __name__ == "__main__":
    main()
