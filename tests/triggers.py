"""`make triggers`: requests, and the skill that should answer each; for a reviewer, or as a prompt for a model.

    python3 -m tests.triggers --skill none --language zh
    python3 -m tests.triggers --prompt > prompt.txt        # give it to any model, keep its JSON answer
    python3 -m tests.triggers --score answers.json         # what it got wrong
"""
from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NONE = "none"


class Unusable(Exception):
    """A file that cannot be read as it should be, in words for a person."""


def cases() -> list:
    """All cases: `request`, `language` (en or zh), `skill` (a name or None), perhaps `why`, and `then`, the skills used next."""
    return json.loads((ROOT / "tests" / "triggers.json").read_text("utf-8"))


def descriptions() -> dict:
    """The skills' names and descriptions, as an agent lists them."""
    found = {}
    for manual in sorted((ROOT / "skills").glob("*/SKILL.md")):
        found[manual.parent.name] = re.search(r'^description: "(.*)"$', manual.read_text("utf-8"), re.MULTILINE).group(1)
    return found


def listing(chosen: list) -> str:
    """The cases by skill, each with what makes it special."""
    lines = []
    for skill in [*descriptions(), None]:
        group = [case for case in chosen if case["skill"] == skill]
        if group:
            lines += ["", f"{skill or 'none of them'}: {len(group)}"]
            lines += [f"  {case['language']}  {case['request']}" + "".join(f"  → {name}" for name in case.get("then", ()))
                      + (f"  ({case['why']})" if case.get("why") else "") for case in group]
    return "\n".join([*lines, "", f"{len(chosen)} requests"]).lstrip("\n")


def prompt(chosen: list) -> str:
    """One prompt that asks a model to choose, without the answers."""
    skills = "\n".join(f"- {name}: {text}" for name, text in descriptions().items())
    requests = "\n".join(f"{number}. {case['request']}" for number, case in enumerate(chosen, 1))
    return (f"You are a coding agent with a shell. These skills are installed:\n\n{skills}\n\nFor each request say which skill you would open "
            f"first, or \"{NONE}\" when you would open none of them. Answer with a JSON list of {len(chosen)} strings and nothing else, in "
            f"the order of the requests.\n\n{requests}")


def score(chosen: list, answers: list) -> tuple:
    """(the report, how many are wrong)."""
    lines, right, total = [], {}, {}
    for number, (case, answer) in enumerate(zip(chosen, answers), 1):
        expected = case["skill"] or NONE
        for group in (expected, case["language"]):
            total[group] = total.get(group, 0) + 1
            right[group] = right.get(group, 0) + (answer == expected)
        if answer != expected:
            lines.append(f"{number}. {case['request']}\n   answered {answer}, expected {expected}")
    lines += [f"{group:26} {right[group]} of {total[group]}" for group in total]
    wrong = sum(answer != (case["skill"] or NONE) for case, answer in zip(chosen, answers))
    return "\n".join([*lines, f"{len(chosen) - wrong} of {len(chosen)} right"]), wrong


def read_answers(path: str, count: int) -> list:
    """The answers of a model. Raises Unusable."""
    try:
        answers = json.loads(Path(path).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise Unusable(f"{path} cannot be read as JSON: {error}") from None
    if not isinstance(answers, list) or len(answers) != count:
        raise Unusable(f"{path} is not a JSON list of {count} answers; --prompt, with the same --skill and --language, asks for one")
    unknown = sorted({str(answer) for answer in answers if answer not in (*descriptions(), NONE)})
    if unknown:
        raise Unusable(f"{path} has answers that are no skill: {', '.join(unknown)}; legal: {', '.join(descriptions())}, {NONE}")
    return answers


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(prog="tests.triggers", description="Requests, and the skill that should answer each.")
    parser.add_argument("--skill", choices=[*descriptions(), NONE], help="only the requests of this skill; none: those of no skill")
    parser.add_argument("--language", choices=("en", "zh"))
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="the cases as JSON")
    form.add_argument("--prompt", action="store_true", help="a prompt that lets a model choose; it has no answers")
    form.add_argument("--score", metavar="FILE", help="a model's JSON answer to that prompt: what is wrong; exit code 1 if anything is")
    options = parser.parse_args(argv)
    chosen = [case for case in cases() if (not options.skill or (case["skill"] or NONE) == options.skill)
              and (not options.language or case["language"] == options.language)]
    wrong = 0
    try:
        if options.score:
            text, wrong = score(chosen, read_answers(options.score, len(chosen)))
        else:
            text = json.dumps(chosen, ensure_ascii=False, indent=1) if options.json else (prompt if options.prompt else listing)(chosen)
    except Unusable as error:
        sys.stderr.write(f"triggers: error: {error}\n")
        return 2
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    sys.stdout.write(text + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
