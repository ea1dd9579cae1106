#!/usr/bin/env python3
"""Compares each role's argument specification with its defaults.

usage: argument_specs.py FOLDER...     (folders below which roles lie)

ansible checks the types that a specification names, but reads the values from
defaults/main.yml: without this check the two drift apart. Every default needs an option
of the same name and value, with a type and a description; every option without a default
is required.
"""

import pathlib
import sys

import yaml


def load(path):
    return yaml.safe_load(path.read_text(encoding="utf-8")) or {} if path.exists() else {}


def options_of(role):
    for name in ("argument_specs.yml", "argument_specs.yaml", "main.yml"):
        specs = load(role / "meta" / name).get("argument_specs")
        if specs:
            return specs.get("main", {}).get("options", {}) or {}
    return None


def check(role):
    defaults = load(role / "defaults" / "main.yml")
    options = options_of(role)
    if options is None:
        return ["has no argument specification (meta/argument_specs.yml)"]
    found = []
    for name in sorted(set(defaults) - set(options)):
        found.append(f"{name} is in defaults/main.yml and not in the specification")
    for name, option in sorted(options.items()):
        found += [f"{name} has no {key}" for key in ("type", "description") if not option.get(key)]
        if name in defaults:
            if option.get("required"):
                found.append(f"{name} has a default and is called required")
            if option.get("default") != defaults[name]:
                found.append(
                    f"{name} is {defaults[name]!r} in defaults/main.yml and {option.get('default')!r} in the specification"
                )
        elif "default" in option:
            found.append(f"{name} has a default in the specification and none in defaults/main.yml")
        elif not option.get("required"):
            found.append(f"{name} has no default and is not called required")
    return found


def roles_below(folder):
    for tasks in sorted(pathlib.Path(folder).rglob("tasks/main.y*ml")):
        yield tasks.parent.parent


def main(folders):
    roles = [role for folder in folders for role in roles_below(folder)]
    if not roles:
        print(f"argument specifications: no role below {' '.join(folders)}", file=sys.stderr)
        return 1
    complaints = [f"{role}: {complaint}" for role in roles for complaint in check(role)]
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    print(f"argument specifications: {len(roles)} roles, {len(complaints)} complaints")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
