#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""Brings many files to their wanted state in one module run.

In an emulated guest a module run costs about a second whatever it does, so a
role that places thirty files one by one spends its time on starting Python.
This module takes the whole list. It does not fetch anything: contents come
rendered from the controller.
"""

from __future__ import annotations

DOCUMENTATION = r"""
module: file_set
short_description: Bring many files to their wanted state in one run
description:
  - Writes whole files, edits single lines, sets owner, group and mode, makes folders and links, and removes files.
  - Every entry is compared first; nothing is written when nothing differs.
version_added: 1.0.0
author: The Packyard authors
options:
  files:
    description: The files, handled in this order.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Absolute path; a glob pattern where nothing but owner, group and mode are set.
        type: str
        required: true
      state:
        description:
          - C(file) writes I(content), or applies I(edits) to what is there.
          - C(present) touches only owner, group and mode, and accepts that nothing matches.
          - C(directory), C(link) and C(absent) do what they say.
        type: str
        choices: [file, present, directory, link, absent]
        default: file
      content:
        description: The whole content.
        type: str
      target:
        description: What a link points to.
        type: str
      edits:
        description: Line edits, for files that belong to somebody else.
        type: list
        elements: dict
        suboptions:
          match:
            description: Regular expression searched for in each line.
            type: str
            required: true
          line:
            description: The line that takes the place of the first match, or is appended; further matches go.
            type: str
          replace:
            description:
              - Replacement for the matched part of each matching line. Nothing is appended.
              - Without I(line) and I(replace) the matching lines are removed.
            type: str
      owner:
        description: Name of the owner.
        type: str
        default: root
      group:
        description: Name of the group.
        type: str
        default: root
      mode:
        description: Exact mode, such as C("0644").
        type: str
      mode_max:
        description: Bits outside this mode are cleared; a stricter mode stays.
        type: str
      validate:
        description: Command that must accept the new content; C(%s) is its path.
        type: str
"""

EXAMPLES = r"""
- name: Two files in one run
  packyard.image.file_set:
    files:
      - path: /etc/sysctl.d/60-example.conf
        content: "kernel.dmesg_restrict = 1\n"
        mode: "0644"
      - path: /etc/cron.d
        state: present
        mode_max: "0700"
"""

RETURN = r"""
paths:
  description: The paths that were changed.
  returned: always
  type: list
  elements: str
"""

import glob
import grp
import os
import pwd
import re
import shutil
import stat
import tempfile

from ansible.module_utils.basic import AnsibleModule

EDIT = {
    "match": {"type": "str", "required": True},
    "line": {"type": "str"},
    "replace": {"type": "str"},
}
FILE = {
    "path": {"type": "str", "required": True},
    "state": {"type": "str", "default": "file", "choices": ["file", "present", "directory", "link", "absent"]},
    "content": {"type": "str"},
    "target": {"type": "str"},
    "edits": {"type": "list", "elements": "dict", "options": EDIT, "mutually_exclusive": [("line", "replace")]},
    "owner": {"type": "str", "default": "root"},
    "group": {"type": "str", "default": "root"},
    "mode": {"type": "str"},
    "mode_max": {"type": "str"},
    "validate": {"type": "str"},
}


def edit_lines(text, edits):
    """Applies the edits to the text of a file and returns the new text."""
    lines = text.splitlines()
    for edit in edits:
        wanted = re.compile(edit["match"])
        if edit["replace"] is not None:
            lines = [wanted.sub(edit["replace"], line) for line in lines]
            continue
        if edit["line"] is None:
            lines = [line for line in lines if not wanted.search(line)]
            continue
        kept, placed = [], False
        for line in lines:
            if not wanted.search(line):
                kept.append(line)
            elif not placed:
                kept.append(edit["line"])
                placed = True
        lines = kept if placed else [*kept, edit["line"]]
    return "\n".join(lines) + "\n" if lines else ""


class FileSet:
    """The state of one run: what changed and how to change it."""

    def __init__(self, module):
        self.module = module
        self.paths = []
        self.diff = []

    def changed(self, path):
        if path not in self.paths:
            self.paths.append(path)

    def apply(self, entry):
        getattr(self, "apply_" + entry["state"])(entry)

    def apply_absent(self, entry):
        for path in glob.glob(entry["path"]):
            self.changed(path)
            if self.module.check_mode:
                continue
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)

    def apply_directory(self, entry):
        if not os.path.isdir(entry["path"]):
            self.changed(entry["path"])
            if self.module.check_mode:
                return
            os.makedirs(entry["path"], 0o755)
        self.attributes(entry["path"], entry)

    def apply_link(self, entry):
        path, target = entry["path"], entry["target"]
        if os.path.islink(path) and os.readlink(path) == target:
            return
        self.changed(path)
        if self.module.check_mode:
            return
        os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
        fresh = path + ".packyard-new"
        os.symlink(target, fresh)
        os.replace(fresh, path)

    def apply_present(self, entry):
        for path in sorted(glob.glob(entry["path"])):
            self.attributes(path, entry)

    def apply_file(self, entry):
        path = entry["path"]
        before = None
        if os.path.exists(path):
            with open(path, encoding="utf-8", errors="surrogateescape") as file:
                before = file.read()
        after = entry["content"]
        if after is None:
            after = edit_lines(before or "", entry["edits"] or [])
        if after != before:
            self.changed(path)
            self.diff.append({"before_header": path, "after_header": path, "before": before or "", "after": after})
            if self.module.check_mode:
                return
            self.write(path, after, entry)
        self.attributes(path, entry)

    def write(self, path, content, entry):
        folder = os.path.dirname(path)
        os.makedirs(folder, 0o755, exist_ok=True)
        handle, fresh = tempfile.mkstemp(prefix=".packyard-", dir=folder)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as file:
                file.write(content)
            self.check_content(fresh, path, entry)
            self.module.atomic_move(fresh, path)
        finally:
            if os.path.exists(fresh):
                os.unlink(fresh)

    def check_content(self, fresh, path, entry):
        if entry["validate"] is None:
            return
        code, out, err = self.module.run_command(entry["validate"] % fresh)
        if code != 0:
            self.module.fail_json(
                msg="%s refuses the new content of %s: %s" % (entry["validate"], path, (err or out).strip()),
                paths=self.paths,
            )

    def attributes(self, path, entry):
        """Sets owner, group and mode where they differ."""
        now = os.stat(path)
        uid, gid = self.ids(entry)
        mode = stat.S_IMODE(now.st_mode)
        wanted = mode
        if entry["mode"] is not None:
            wanted = int(entry["mode"], 8)
        elif entry["mode_max"] is not None:
            wanted = mode & int(entry["mode_max"], 8)
        if (now.st_uid, now.st_gid) != (uid, gid):
            self.changed(path)
            if not self.module.check_mode:
                os.chown(path, uid, gid)
        if wanted != mode:
            self.changed(path)
            if not self.module.check_mode:
                os.chmod(path, wanted)

    def ids(self, entry):
        try:
            return pwd.getpwnam(entry["owner"]).pw_uid, grp.getgrnam(entry["group"]).gr_gid
        except KeyError as unknown:
            self.module.fail_json(msg="%s: %s" % (entry["path"], unknown.args[0]), paths=self.paths)


def main():
    module = AnsibleModule(
        argument_spec={"files": {"type": "list", "elements": "dict", "required": True, "options": FILE}},
        supports_check_mode=True,
    )
    work = FileSet(module)
    for entry in module.params["files"]:
        try:
            work.apply(entry)
        except OSError as failure:
            module.fail_json(msg="%s: %s" % (entry["path"], failure.strerror or failure), paths=work.paths)
    module.exit_json(changed=bool(work.paths), paths=work.paths, diff=work.diff)


if __name__ == "__main__":
    main()
