"""What the run found, as the tables of docs/aws-contract.md."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.contracts.terraform import coverage, replacing, seeds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.contracts.terraform.contract import Outcome
    from tests.contracts.terraform.facts import Facts
    from tests.contracts.terraform.recording import Program
    from tests.contracts.terraform.replacing import Verdicts

FILE = Path(__file__).parents[3] / "docs" / "aws-contract.md"
# Set in the environment, it has the tables written instead of compared.
RENEW = "INFERSTACK_RENEW_CONTRACT"
BEGIN, END = "<!-- figures: begin -->\n", "<!-- figures: end -->\n"


def figures(programs: Sequence[Program], outcome: Outcome, verdicts: Verdicts, known: Facts) -> str:
    """All tables.

    Args:
        programs: the stacks.
        outcome: what became of them.
        verdicts: which changes replace.
        known: the reasons.
    """
    tally = coverage.count(programs, outcome)
    tokens = {resource.type: resource.token for program in programs for resource in program.resources}
    replaced = sum(verdicts.replaces.values())
    return "\n".join(
        [
            "## Resource types",
            "",
            _sentence(
                f"The stacks use {len(tally.types)} resource types. The real provider validates and plans all of them;",
                f"{len(tally.applied)} ({100 * len(tally.applied) // len(tally.types)} %) are applied to moto,",
                "and destroyed.",
            ),
            "",
            *_table(
                ("Pulumi", "Terraform", "applied to moto"),
                ((f"`{tokens[type_]}`", f"`{type_}`", _why(type_, tally, known)) for type_ in tally.types),
            ),
            "",
            "## Where moto answers falsely",
            "",
            "A second plan shows these differences, and no others.",
            "",
            *_table(
                ("type", "attribute", "why"),
                ((f"`{each.type}`", f"`{each.attribute}`", each.reason) for each in known.moto_is_wrong),
            ),
            "",
            "Something else takes the place of these outputs, so that what needs them can be applied.",
            "",
            *_table(("output", "why"), ((f"`{each.output}`", each.reason) for each in known.moto_leaves_out)),
            "",
            "## Provider 6 and provider 5.100.0",
            "",
            "Arguments that the program gives and that the older provider does not know:",
            "",
            *_table(
                ("type", "argument", "why"),
                ((f"`{each.type}`", f"`{each.argument}`", each.reason) for each in known.majors),
            ),
            "",
            "## Changes that replace",
            "",
            _sentence(
                f"The provider's plan says of {_some(len(verdicts.replaces))} arguments that both majors have whether",
                f"a change replaces the resource: {_some(replaced)} do. The table of the rehearsal's stand-in says the",
                f"same of all but {len(known.replaces_otherwise)}:",
            ),
            "",
            *_table(
                ("type", "argument", "why"),
                ((f"`{each.type}`", f"`{each.argument}`", each.reason) for each in known.replaces_otherwise),
            ),
            "",
            _sentence(
                f"{len(verdicts.undecided)} were asked about in vain, for the provider takes no other value that the",
                "test could guess, or what moto forgets replaces the resource with nothing changed:",
                ", ".join(f"`{type_} {path}`" for type_, path in sorted(verdicts.undecided)) + ".",
            ),
            "",
            _sentence(
                "Of the arguments that the table names for these types,",
                f"{len(_unasked(tokens.values(), verdicts))} were not asked about: they are new in provider 6,",
                "or in objects that the program does not give.",
            ),
            "",
            "## Seeded mistakes",
            "",
            f"{len(seeds.read())} mistakes, all refused by the real provider and by the stand-in:",
            "",
            *_table(
                ("mistake", "type", "argument"),
                (
                    (seed.kind, f"`{seed.type}`", ", ".join(f"`{name}`" for name in seed.set) or f"`{seed.remove}`")
                    for seed in seeds.read()
                ),
            ),
            "",
        ]
    )


def written() -> str:
    """What the document says now."""
    text = FILE.read_text(encoding="utf-8")
    return text.partition(BEGIN)[2].partition(END)[0]


def write(text: str) -> None:
    """Put the tables into the document."""
    before, _, rest = FILE.read_text(encoding="utf-8").partition(BEGIN)
    FILE.write_text(before + BEGIN + text + END + rest.partition(END)[2], encoding="utf-8")


def _unasked(tokens: Iterable[str], verdicts: Verdicts) -> set[tuple[str, str]]:
    table = replacing.table()
    return {(token, path) for token in tokens for path in table[token]} - verdicts.asked


def _some(number: int) -> str:
    """In tens: the document need not change with every argument of the program."""
    return f"at least {number // 10 * 10}"


def _sentence(*parts: str) -> str:
    return " ".join(parts)


def _why(type_: str, tally: coverage.Tally, known: Facts) -> str:
    return "yes" if type_ in tally.applied else f"no: {known.moto_lacks.get(type_, 'not known')}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(each)} |" for each in (head, ["---"] * len(head), *rows)]
