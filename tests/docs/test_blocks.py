"""Finding the commands of documents."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs import blocks

ROOT = Path(__file__).parents[2]
# What people follow word by word.
DOCUMENTS = (ROOT / "README.md", ROOT / "docs" / "aws.md", *sorted((ROOT / "docs" / "runbooks").glob("*.md")))


def test_blocks_marked_bash_are_commands_and_no_others(tmp_path: Path) -> None:
    """Output, YAML and diagrams are not run."""
    document = tmp_path / "guide.md"
    document.write_text("# A\n```bash\necho 1\n\necho 2\n```\n```yaml\na: 1\n```\n```\noutput\n```\n", encoding="utf-8")
    (block,) = blocks.read(document)
    assert (block.line, block.commands) == (3, "echo 1\n\necho 2")


def test_a_block_without_end_is_an_error(tmp_path: Path) -> None:
    """Else the rest of the document would silently be no command."""
    document = tmp_path / "guide.md"
    document.write_text("```bash\necho 1\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"guide\.md:2: the block has no end"):
        blocks.read(document)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_documents_have_commands_and_no_prompts(document: Path) -> None:
    """A block is what one pastes: no prompt, no output between."""
    found = blocks.read(document)
    assert found
    assert not [block for block in found for line in block.commands.splitlines() if line.startswith(("$ ", "# ", "> "))]


def test_the_runbooks_are_there() -> None:
    """EKS upgrade, lost state and database restore."""
    assert {"eks-upgrade.md", "lost-state.md", "database-restore.md"} <= {document.name for document in DOCUMENTS}
