"""LLM Guard before a model: `scan_prompt` on what goes in, `scan_output` on what comes back."""

import asyncio
import json
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import front  # noqa: E402 - found by the line above; the peer's environment does not have it
from llm_guard import scan_output, scan_prompt  # noqa: E402
from llm_guard.input_scanners.ban_substrings import PROMPT_STOP_SUBSTRINGS  # noqa: E402
from llm_guard.input_scanners.util import get_scanner_by_name  # noqa: E402
from llm_guard.output_scanners.ban_substrings import OUTPUT_STOP_SUBSTRINGS  # noqa: E402
from llm_guard.output_scanners.util import get_scanner_by_name as get_output_scanner_by_name  # noqa: E402
from llm_guard.util import configure_logger  # noqa: E402

SCANNERS = HERE / "scanners.json"
NAMED = {
    "PROMPT_STOP_SUBSTRINGS": PROMPT_STOP_SUBSTRINGS,
    "OUTPUT_STOP_SUBSTRINGS": OUTPUT_STOP_SUBSTRINGS,
    "policy_patterns.json": list(front.policy_patterns().values()),
}
"""Lists that the configuration names: two that the library brings, and the patterns of the policy."""

PROMPT_ROLES = frozenset({"user", "system", "developer", "tool", "function"})
"""The library knows texts and no roles: whatever reaches the model from outside is a prompt to it."""


def main() -> None:
    """Builds the scanners once and serves."""
    asked = front.arguments()
    configure_logger("ERROR", stream=sys.stderr)
    configured = json.loads(SCANNERS.read_text())
    inputs = [get_scanner_by_name(one["type"], _params(one)) for one in configured["input_scanners"]]
    outputs = [get_output_scanner_by_name(one["type"], _params(one)) for one in configured["output_scanners"]]

    def scan_all(document: front.Document) -> str:
        texts = [
            front.text_of(one.get("content")) for one in document["messages"] if one["role"] in PROMPT_ROLES
        ]
        for text in texts:
            _, valid, _ = scan_prompt(inputs, text, fail_fast=True)
            _raise_if_invalid(valid)
        return texts[-1] if texts else ""

    def scan_answer(prompt: str, answer: str) -> None:
        _, valid, _ = scan_output(outputs, prompt, answer, fail_fast=True)
        _raise_if_invalid(valid)

    # One at a time: the scanner of secrets keeps its settings in a global while it runs.
    scanning = ThreadPoolExecutor(max_workers=1)

    async def scan(check: Callable[..., Any], *texts: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(scanning, check, *texts)

    async def guard(document: front.Document, ask: front.AskUpstream) -> front.Document:
        prompt = await scan(scan_all, document)
        answer = await ask(document)
        for choice in answer["choices"]:
            await scan(scan_answer, prompt, front.text_of(choice["message"].get("content")))
        return answer

    description = front.Description(
        name="LLM Guard",
        packages=("llm-guard", "bc-detect-secrets"),
        detectors=[
            *(f"input: {one['type']}" for one in configured["input_scanners"]),
            *(f"output: {one['type']}" for one in configured["output_scanners"]),
        ],
        left_out=configured["left_out"],
        configuration=front.digest([SCANNERS.read_bytes(), front.PATTERNS.read_bytes()]),
    )
    front.serve(description, guard, asked.upstream, asked.port)


def _params(configured: dict[str, Any]) -> dict[str, Any]:
    params: dict[str, Any] = configured.get("params", {})
    return {
        name: NAMED.get(value, value) if isinstance(value, str) else value for name, value in params.items()
    }


def _raise_if_invalid(valid: dict[str, bool]) -> None:
    """The library's own signal: a scanner whose result is not valid."""
    for scanner, is_valid in valid.items():
        if not is_valid:
            raise front.BlockedError(scanner)


if __name__ == "__main__":
    main()
