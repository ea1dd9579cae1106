//! Ansible roles: the ones named are there, the ones there are named.

use std::collections::BTreeSet;

use super::context::Context;
use super::{Finding, rules};

pub(super) fn check(context: &mut Context<'_>) {
    for (index, name) in context.manifest().ansible_roles.iter().enumerate() {
        let key = format!("ansibleRoles[{index}]");
        match context.pack.role(name) {
            Err(_) => {
                let message = format!("names the role {name:?}, which is not in the pack");
                let finding = context.error(rules::MISSING_ROLE, &key, message);
                context.push(
                    finding,
                    format!("add {name}/tasks/main.yml, or remove the entry"),
                );
            }
            Ok(role) if !role.has_tasks() => {
                let message =
                    format!("the role {name:?} has no tasks/main.yml, so it does nothing");
                let finding = context.error(rules::ROLE_WITHOUT_TASKS, &key, message);
                context.push(finding, format!("add {}/tasks/main.yml", role.dir));
            }
            Ok(_) => {}
        }
    }
    unreferenced(context);
}

fn unreferenced(context: &mut Context<'_>) {
    let folders = context.pack.files.iter().filter_map(|file| {
        let folder = file.path.strip_suffix("/tasks/main.yml")?;
        let name = folder.strip_prefix("ansible-roles/").unwrap_or(folder);
        (!name.contains('/')).then(|| (name.to_owned(), file.path.clone()))
    });
    let named: BTreeSet<&String> = context.manifest().ansible_roles.iter().collect();
    let unnamed: Vec<_> = folders.filter(|(name, _)| !named.contains(name)).collect();
    for (name, path) in unnamed {
        let message =
            format!("the role {name:?} is there, and pack.json does not name it, so it never runs");
        let finding = Finding::warning(rules::UNREFERENCED_ROLE, &path, message);
        context.push(finding, "name it in ansibleRoles, or remove the folder");
    }
}
