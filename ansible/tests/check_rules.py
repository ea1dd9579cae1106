#!/usr/bin/env python3
"""Checks the rules of the role harden against its tasks and templates.

* Every rule that the role knows is a tag of at least one task, and every tag of a
  task is a rule that the role knows.
* Every file that is made of rules loses the lines of a rule when that rule is off,
  and keeps the lines of all others.

Does not run Ansible; needs PyYAML and Jinja2 only.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import jinja2
import yaml

ROLE = Path(__file__).resolve().parent.parent / "roles/harden"
# Which map of rules each template is made of.
TEMPLATES = {
    "etc/modprobe.d/60-cis.conf.j2": "harden_modules",
    "etc/sysctl.d/60-cis.conf.j2": "harden_sysctl",
    "etc/ssh/sshd_config.d/10-cis.conf.j2": "harden_sshd",
    "etc/sudoers.d/60-cis.j2": "harden_sudo",
    "etc/security/faillock.conf.j2": "harden_faillock",
    "etc/security/pwquality.conf.d/60-cis.conf.j2": "harden_pwquality",
    "etc/systemd/journald.conf.d/60-cis.conf.j2": "harden_journald",
}
# Templates that name their rules themselves: the rule, and what it puts into the file.
PHRASES = {
    "etc/systemd/system/tmp.mount.d/60-cis.conf.j2": {
        "1.1.2.1.2": "nodev", "1.1.2.1.3": "nosuid", "1.1.2.1.4": "noexec",
    },
    "etc/systemd/coredump.conf.d/60-cis.conf.j2": {"1.5.12": "ProcessSizeMax=", "1.5.13": "Storage="},
    "etc/profile.d/60-cis.sh.j2": {"5.4.3.2": "TMOUT=", "5.4.3.3": "umask"},
    "usr/share/pam-configs/pwhistory.j2": {
        "5.3.3.3.1": "remember=", "5.3.3.3.2": "enforce_for_root", "5.3.3.3.3": "use_authtok",
    },
}


def environment() -> jinja2.Environment:
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROLE / "templates"),
        trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined,
    )
    env.filters["dict2items"] = lambda value: [{"key": key, "value": item} for key, item in value.items()]
    return env


class Variables:
    """The role's variables, with the templates in them filled in."""

    def __init__(self, env: jinja2.Environment):
        self.env = env
        self.raw: dict = {}
        for path in [*sorted((ROLE / "vars/main").glob("*.yml")), ROLE / "defaults/main.yml"]:
            self.raw |= yaml.safe_load(path.read_text(encoding="utf-8"))
        # A site's choice, so that rule 5.1.4 has something to say.
        self.raw["harden_ssh_allow_groups"] = ["people"]

        # Variables without templates first, so that those with templates can use them.
        scalars = {name: raw for name, raw in self.raw.items() if not isinstance(raw, dict) and name != "harden_known_rules"}
        self.context = {name: raw for name, raw in scalars.items() if "{{" not in str(raw)}
        self.context |= {name: self.fill(raw) for name, raw in scalars.items()}

    def fill(self, value):
        if isinstance(value, str) and "{{" in value:
            return self.env.from_string(value).render(self.context)
        if isinstance(value, dict):
            return {key: self.fill(item) for key, item in value.items()}
        return value

    def maps(self) -> dict[str, dict[str, str]]:
        names = {*TEMPLATES.values(), "harden_pwhistory"}
        return {name: self.fill(self.raw[name]) for name in names}


def tags() -> set[str]:
    found = set()
    for path in (ROLE / "tasks").glob("*.yml"):
        for task in yaml.safe_load(path.read_text(encoding="utf-8")):
            found |= {tag for tag in task.get("tags", []) if tag.startswith("cis_")}
    return found


def known(raw: dict) -> set[str]:
    maps = re.findall(r"\((harden_\w+) \| list\)", raw["harden_known_rules"])
    return set(raw["harden_other_rules"]).union(*(raw[name] for name in maps))


def check_tags(rules: set[str]) -> list[str]:
    wanted = {"cis_" + rule.replace(".", "_") for rule in rules}
    return [f"rule of tag {tag} has no task" for tag in sorted(wanted - tags())] + [
        f"tag {tag} names no rule of the role" for tag in sorted(tags() - wanted)
    ]


def check_maps(env: jinja2.Environment, variables: Variables, rules: set[str]) -> list[str]:
    found, maps = [], variables.maps()
    for template, name in TEMPLATES.items():
        lines = maps[name]

        def render(active: set[str]) -> str:
            return env.get_template(template).render({name: lines, "harden_active_rules": active})  # noqa: B023

        whole = render(rules)
        found += [f"{template}: lacks the line of rule {rule}" for rule, line in lines.items() if line not in whole]
        for rule, line in lines.items():
            rest = {other: text for other, text in lines.items() if other != rule}
            without = render(rules - {rule})
            if line not in rest.values() and re.search(rf"^{re.escape(line)}$", without, re.M):
                found.append(f"{template}: keeps the line of rule {rule} when it is off")
            found += [f"{template}: loses rule {o} when {rule} is off" for o, text in rest.items() if text not in without]
    return found


def check_phrases(env: jinja2.Environment, variables: Variables, rules: set[str]) -> list[str]:
    found = []
    context = variables.context | variables.maps()
    for template, phrases in PHRASES.items():
        for rule, phrase in phrases.items():
            for active, wanted in ((rules, True), (rules - {rule}, False)):
                text = env.get_template(template).render(context | {"harden_active_rules": active})
                body = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
                if (phrase in body) is not wanted:
                    found.append(f"{template}: rule {rule} {'on' if wanted else 'off'}, and {phrase!r} is {'not ' * wanted}there")
    return found


def main() -> int:
    env = environment()
    variables = Variables(env)
    rules = known(variables.raw)
    found = check_tags(rules) + check_maps(env, variables, rules) + check_phrases(env, variables, rules)
    for complaint in found:
        print(complaint, file=sys.stderr)
    print(f"{len(rules)} rules, {len(found)} complaints")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
