#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""Installs the components of a Kubernetes pack and checks every byte of them.

A component is a binary, an archive or a Debian package, taken from the media
volume or fetched by URL. Its checksum is computed while it is copied, on the
machine itself, so that what was checked is what was installed. Packages from
the machine's own apt sources are not this module's business.
"""

from __future__ import annotations

DOCUMENTATION = r"""
module: components
short_description: Install components and verify their checksums
description:
  - Copies, unpacks or installs each component unless the machine already has exactly it.
  - A checksum that differs stops the run before anything of that component is in its place.
version_added: 1.0.0
author: The Packyard authors
options:
  components:
    description:
      - The components as the build resolved them, with the keys C(name), C(version), C(kind) (C(binary), C(archive),
        C(deb)), C(file), C(sha256), C(purpose), C(install) and C(source).
      - C(source) is C(bundle), C(apt) or C(http); for the last the key C(url) names the file. A map with one of
        these as C(type), or as its only key, is understood too.
      - Those whose purpose is C(tool) are left alone.
    type: list
    elements: dict
    required: true
  kinds:
    description: Only components of these kinds are handled.
    type: list
    elements: str
    required: true
  media:
    description: Folder that holds the files.
    type: path
    required: true
"""

EXAMPLES = r"""
- name: The binaries from the media volume
  packyard.image.components:
    media: /run/packyard/media/components
    kinds: [binary, archive]
    components: "{{ packyard_components }}"
"""

RETURN = r"""
installed:
  description: Names of the components that were installed in this run.
  returned: always
  type: list
  elements: str
from_apt:
  description: Packages, with their exact versions, that the machine's apt sources have to provide and that are missing.
  returned: always
  type: list
  elements: str
"""

import fcntl
import hashlib
import json
import os
import re
import shutil
import tarfile
import tempfile
import time

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.urls import open_url

BLOCK_BYTES = 4 * 1024 * 1024
FETCH_TIMEOUT_SECS = 60
# apt's own timers may hold the lock of dpkg for a while after boot.
LOCK_WAIT_SECS = 120
# What was unpacked from an archive is not kept as one file, so a note of its
# checksum is what a second run compares with.
NOTES = "/var/lib/packyard/components.json"

def checksum(path):
    """The sha256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Installer:
    """One run over the components of one machine."""

    def __init__(self, module):
        self.module = module
        self.media = module.params["media"]
        self.installed = []
        self.from_apt = []
        self.notes = {}
        if os.path.exists(NOTES):
            with open(NOTES, encoding="utf-8") as file:
                self.notes = json.load(file)

    def fail(self, component, message):
        self.module.fail_json(
            msg="component %s %s: %s" % (component["name"], component["version"], message),
            component=component["name"],
            installed=self.installed,
        )

    def run(self, components):
        debs = []
        for component in components:
            self.check(component)
            if self.present(component):
                continue
            if component["source"] == "apt":
                self.from_apt.append("%s=%s" % (component["name"], component["version"]))
                continue
            self.installed.append(component["name"])
            if self.module.check_mode:
                continue
            if component["kind"] == "deb":
                debs.append(component)
            else:
                getattr(self, "install_" + component["kind"])(component)
        if debs:
            self.install_debs(debs)

    def check(self, component):
        if component["source"] == "apt":
            return
        if not re.fullmatch("[0-9a-f]{64}", component["sha256"]):
            self.fail(component, "source %s needs a sha256 checksum" % component["source"])
        if component["kind"] != "deb" and not component["install"].startswith("/"):
            self.fail(component, "needs an absolute path in 'install'")

    def present(self, component):
        if component["kind"] == "deb" or component["source"] == "apt":
            return self.package_version(component["name"]) == component["version"]
        if component["kind"] == "archive":
            return self.notes.get(component["name"]) == component["sha256"]
        path = component["install"]
        return os.path.isfile(path) and os.access(path, os.X_OK) and checksum(path) == component["sha256"]

    def package_version(self, name):
        code, out, _err = self.module.run_command(
            ["dpkg-query", "--show", "--showformat", "${db:Status-Status} ${Version}", name]
        )
        status, _space, version = out.partition(" ")
        return version if code == 0 and status == "installed" else None

    def source(self, component):
        if component["url"]:
            return open_url(component["url"], timeout=FETCH_TIMEOUT_SECS)
        path = os.path.join(self.media, component["file"])
        try:
            return open(path, "rb")
        except OSError as failure:
            self.fail(component, "cannot read %s from the media volume: %s" % (path, failure.strerror))

    def place(self, component, folder):
        """Copies the component to a fresh file in the folder and returns its path, checked."""
        os.makedirs(folder, 0o755, exist_ok=True)
        handle, path = tempfile.mkstemp(prefix=".packyard-", dir=folder)
        running = hashlib.sha256()
        try:
            with self.source(component) as source, os.fdopen(handle, "wb") as target:
                while block := source.read(BLOCK_BYTES):
                    running.update(block)
                    target.write(block)
        except OSError as failure:
            os.unlink(path)
            self.fail(component, "cannot copy %s: %s" % (component["url"] or component["file"], failure))
        if running.hexdigest() != component["sha256"]:
            os.unlink(path)
            self.fail(
                component,
                "wrong checksum of %s: expected sha256 %s, actual %s"
                % (component["url"] or component["file"], component["sha256"], running.hexdigest()),
            )
        return path

    def install_binary(self, component):
        fresh = self.place(component, os.path.dirname(component["install"]))
        os.chown(fresh, 0, 0)
        os.chmod(fresh, 0o755)
        os.replace(fresh, component["install"])

    def install_archive(self, component):
        fresh = self.place(component, "/var/lib/packyard")
        try:
            os.makedirs(component["install"], 0o755, exist_ok=True)
            with tarfile.open(fresh) as archive:
                archive.extractall(component["install"], filter="data")
        except (OSError, tarfile.TarError) as failure:
            self.fail(component, "cannot unpack %s: %s" % (component["file"], failure))
        finally:
            os.unlink(fresh)
        self.notes[component["name"]] = component["sha256"]
        with open(NOTES, "w", encoding="utf-8") as file:
            json.dump(self.notes, file, sort_keys=True)

    def install_debs(self, debs):
        folder = tempfile.mkdtemp(prefix="packyard-debs-", dir="/var/tmp")
        try:
            paths = []
            for component in debs:
                path = os.path.join(folder, component["name"] + ".deb")
                os.rename(self.place(component, folder), path)
                paths.append(path)
            self.wait_for_dpkg()
            code, out, err = self.module.run_command(
                ["dpkg", "--force-confold", "--force-unsafe-io", "--install", *paths],
                environ_update={"DEBIAN_FRONTEND": "noninteractive"},
            )
            if code != 0:
                self.module.fail_json(
                    msg="dpkg cannot install %s: %s" % (", ".join(d["name"] for d in debs), err.strip()), stdout=out
                )
            for component in debs:
                actual = self.package_version(component["name"])
                if actual != component["version"]:
                    self.fail(component, "%s holds version %s" % (component["file"], actual))
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def wait_for_dpkg(self):
        until = time.monotonic() + LOCK_WAIT_SECS
        with open("/var/lib/dpkg/lock-frontend", "w", encoding="utf-8") as lock:
            while True:
                try:
                    fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return
                except OSError:
                    if time.monotonic() > until:
                        self.module.fail_json(msg="another process holds the lock of dpkg; see /var/lib/dpkg/lock-frontend")
                time.sleep(1)


def read_component(raw):
    """The component with every key present, however its source was written."""
    source, url = raw.get("source") or "bundle", raw.get("url")
    if isinstance(source, dict):
        kind = source.get("type") or next(iter(source))
        inner = source.get(kind)
        url = source.get("url") or (inner.get("url") if isinstance(inner, dict) else None)
        source = kind
    checksum_text = (raw.get("sha256") or "").lower()
    return {
        "name": raw["name"],
        "version": raw["version"],
        "kind": raw["kind"].lower(),
        "file": raw.get("file") or "",
        "sha256": checksum_text.removeprefix("sha256:"),
        "purpose": (raw.get("purpose") or "install").lower(),
        "install": raw.get("install") or "",
        "source": source.lower(),
        "url": url if source.lower() == "http" else None,
    }


def main():
    module = AnsibleModule(
        argument_spec={
            "components": {"type": "list", "elements": "dict", "required": True},
            "kinds": {"type": "list", "elements": "str", "required": True},
            "media": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    try:
        components = [read_component(raw) for raw in module.params["components"]]
    except KeyError as missing:
        module.fail_json(msg="a component lacks the key %s" % missing)
    installer = Installer(module)
    installer.run([c for c in components if c["purpose"] == "install" and c["kind"] in module.params["kinds"]])
    module.exit_json(changed=bool(installer.installed), installed=installer.installed, from_apt=installer.from_apt)


if __name__ == "__main__":
    main()
