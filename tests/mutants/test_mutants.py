"""Every planted bug is found by the forge tests: a test of the tests.

The mutants are in mutants.toml. Each is compiled in a copy of the project, the quick way, and must make the tests fail
that it names; a mutant that does not apply any more, or that does not compile, is a failure too. That all of them apply
is always asked; those of the invariants always run, the rest with ``PENSTOCK_ALL_MUTANTS=1``, as ``make mutants`` does.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FORGE = ROOT / ".tool/bin/forge"
# Unoptimised and without via-IR: a mutant of Channels compiles in seconds. Failing histories need not be made short.
SETTINGS = {"FOUNDRY_PROFILE": "coverage", "FOUNDRY_INVARIANT_SHRINK_RUN_LIMIT": "0"}


@dataclass(frozen=True)
class Mutant:
    """One bug: ``old`` becomes ``new`` in a file, and the test contracts that match find it."""

    name: str
    file: str
    old: str
    new: str
    found_by: str


MUTANTS = [Mutant(**entry) for entry in tomllib.loads((Path(__file__).parent / "mutants.toml").read_text())["mutant"]]
ALL = os.environ.get("PENSTOCK_ALL_MUTANTS") == "1"
CHOSEN = [mutant for mutant in MUTANTS if ALL or mutant.name.startswith("INV-")]


@pytest.fixture(scope="session")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a copy of the project in which the random histories pass."""
    folder = tmp_path_factory.mktemp("mutants")
    for name in ("contracts", "tests/contracts", "tests/vectors"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns(".cache"))
    shutil.copy(ROOT / "foundry.toml", folder)
    for name in ("node_modules", "scripts"):
        (folder / name).symlink_to(ROOT / name)
    for command in (("build",), ("test", "--match-contract", "^InvariantsTest$")):
        done = forge(folder, *command)
        assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture
def sources(copy: Path) -> Iterator[Path]:
    """Give the copy, and undo what a test does to its contracts."""
    yield copy
    for source in (ROOT / "contracts").rglob("*.sol"):
        target = copy / source.relative_to(ROOT)
        if target.read_text() != source.read_text():
            shutil.copy(source, target)


def forge(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(FORGE), *arguments, "--color", "never"]
    environment = os.environ | SETTINGS
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("mutant", CHOSEN, ids=lambda mutant: mutant.name.replace(" ", "-"))
def test_the_tests_find_a_planted_bug(sources: Path, mutant: Mutant) -> None:
    target = sources / mutant.file
    target.write_text(target.read_text().replace(mutant.old, mutant.new))
    built = forge(sources, "build", "contracts")
    assert built.returncode == 0, f"the mutant does not compile: {built.stderr}"

    tested = forge(sources, "test", "--match-contract", mutant.found_by, "--fail-fast")

    assert "Ran " in tested.stdout, tested.stdout + tested.stderr
    assert tested.returncode != 0, f"survived {mutant.found_by}"
    assert "[FAIL" in tested.stdout


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name.replace(" ", "-"))
def test_every_bug_can_be_planted(mutant: Mutant) -> None:
    text = (ROOT / mutant.file).read_text()

    assert text.count(mutant.old) == 1, "the text stands there no more, or more than once: mend mutants.toml"


def test_every_invariant_of_the_contract_has_a_mutant() -> None:
    named = {mutant.name.partition(" ")[0] for mutant in MUTANTS if mutant.name.startswith("INV-")}

    assert named == {f"INV-{number}" for number in range(1, 11)}
