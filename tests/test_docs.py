"""The reference pages are made from the code, and the README shows commands that exist."""

import importlib.util
import re
from pathlib import Path

import pytest
import typer

ROOT = Path(__file__).resolve().parents[1]
SPEC = importlib.util.spec_from_file_location("make_reference", ROOT / "docs" / "make_reference.py")
make_reference = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(make_reference)


@pytest.mark.parametrize("name", sorted(make_reference.PAGES))
def test_a_reference_page_says_what_the_code_says(name):
    written = (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")
    assert written == make_reference.PAGES[name](), "run python docs/make_reference.py"


def commands_of_the_program():
    from desist.pipelines import cli

    cli._register()
    group = typer.main.get_command(cli.app)
    found = dict(group.commands)
    for name, command in group.commands.items():
        found |= {f"{name} {inner}": one for inner, one in getattr(command, "commands", {}).items()}
    return found


def shown_commands():
    pages = [ROOT / "README.md", ROOT / "docs" / "features.md", *sorted((ROOT / "docs" / "guides").glob("*.md"))]
    for page in pages:
        text = page.read_text(encoding="utf-8")
        blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, flags=re.S | re.M)
        for block in (block for language, block in blocks if not language):
            for line in block.splitlines():
                if line.strip().startswith("desist "):
                    yield page.name, line.partition("#")[0].strip()


def test_every_command_a_guide_shows_exists_with_its_options():
    commands = commands_of_the_program()
    shown = list(shown_commands())
    assert len(shown) > 15
    for page, line in shown:
        words = line.split()[1:]
        name = " ".join(words[:2]) if " ".join(words[:2]) in commands else words[0]
        assert name in commands, f"{page}: {line}"
        known = {option for parameter in commands[name].params for option in parameter.opts}
        assert {word for word in words if word.startswith("-")} <= known | {"-W"}, f"{page}: {line}"


def test_links_between_pages_lead_somewhere():
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
