#!/usr/bin/env python3
"""Compares each role's argument specification with its defaults.

Every variable of defaults/main.yml must stand in meta/argument_specs.yml with the
same default and a description, and the other way round. With --write the table
of variables in each role's README.md is renewed; without it, a README that
differs is an error too. Roles of the collection and of the packs are looked at.

Does not run Ansible; needs PyYAML only.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
BEGIN = "<!-- variables: written by tests/check_argument_specs.py -->"
END = "<!-- end of variables -->"


def load(path: Path) -> dict:
    return yaml.safe_load(path.read_text(encoding="utf-8")) or {}


def complaints(role: Path) -> list[str]:
    defaults_file, specs_file = role / "defaults/main.yml", role / "meta/argument_specs.yml"
    missing = [f"{path}: is missing" for path in (defaults_file, specs_file) if not path.exists()]
    if missing:
        return missing
    defaults = load(defaults_file)
    options = load(specs_file)["argument_specs"]["main"]["options"]
    found = [f"{specs_file}: {name}: not in the defaults" for name in options.keys() - defaults.keys()]
    found += [f"{defaults_file}: {name}: not in the argument specification" for name in defaults.keys() - options.keys()]
    for name in sorted(defaults.keys() & options.keys()):
        option = options[name]
        if "default" not in option:
            found.append(f"{specs_file}: {name}: has no default; the defaults say {defaults[name]!r}")
        elif not same(option["default"], defaults[name]):
            found.append(f"{specs_file}: {name}: default {option['default']!r}, but the defaults say {defaults[name]!r}")
        if not option.get("description"):
            found.append(f"{specs_file}: {name}: has no description")
        if not name.startswith(role.name + "_"):
            found.append(f"{defaults_file}: {name}: must begin with {role.name}_")
    return found


def same(left: object, right: object) -> bool:
    """Equal also in type: Python takes True for 1."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


def table(role: Path) -> str:
    options = load(role / "meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    lines = ["| variable | type | default | meaning |", "| --- | --- | --- | --- |"]
    for name, option in options.items():
        default = json.dumps(option["default"]) if not isinstance(option["default"], str) else option["default"].strip()
        cells = [f"`{name}`", option["type"], f"`{default}`" if default else "empty", option["description"]]
        lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    return "\n".join(lines)


def readme(role: Path) -> tuple[Path, str, str]:
    path = role / "README.md"
    before = path.read_text(encoding="utf-8") if path.exists() else f"# {role.name}\n\n{BEGIN}\n{END}\n"
    head, _, rest = before.partition(BEGIN)
    tail = rest.partition(END)[2]
    return path, before, f"{head}{BEGIN}\n\n{table(role)}\n\n{END}{tail}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="renew the tables in the READMEs")
    arguments = parser.parse_args()
    own = sorted((HERE.parent / "roles").iterdir())
    packs = sorted(path.parent.parent for path in (HERE.parent.parent / "packs").glob("*/*/*/tasks/main.yml"))
    found = []
    for role in [*own, *packs]:
        wrong = complaints(role)
        found += wrong
        if wrong or role not in own:
            continue
        path, before, after = readme(role)
        if arguments.write and before != after:
            path.write_text(after, encoding="utf-8")
        elif before != after or not path.exists():
            found.append(f"{path}: its table of variables is old; run {Path(__file__).name} --write")
    for complaint in found:
        print(complaint, file=sys.stderr)
    print(f"{len(own) + len(packs)} roles, {len(found)} complaints")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
