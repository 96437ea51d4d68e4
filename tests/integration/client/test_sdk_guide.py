"""docs/sdk.md is run as it stands, from its first example to its last."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.integration.client.world import NodeProcess

GUIDE = Path(__file__).parents[3] / "docs" / "sdk.md"


def examples() -> list[tuple[int, str]]:
    """Return the line and the code of each example."""
    text = GUIDE.read_text(encoding="utf-8")
    found = re.finditer(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [(text[: match.start(1)].count("\n"), match[1]) for match in found]


@pytest.mark.timeout(300)
def test_every_example_of_the_guide_runs(node: NodeProcess) -> None:
    payer = node.payer(ether=1)
    names: dict[str, Any] = {
        "node_url": node.url,
        "rpc_url": node.chain.url,
        "key": payer.key,
        "home": payer.home,
    }

    for line, code in examples():
        # The guide's own line numbers, so that a failure points into it.
        exec(compile("\n" * line + code, str(GUIDE), "exec"), names)  # noqa: S102 (our own page)

    assert names["total"] > 0
