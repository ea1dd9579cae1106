//! Every call fails in turn; at the end the cloud holds the wanted image or nothing.

use imagebuilder_api::{BuildState, ConditionStatus, StepName};
use imagebuilder_provider::{Method, ProviderError, When};

use crate::ansible::AnsibleError;
use crate::testing::{How, World};

const CALLS: [Method; 9] = [
    Method::ImportDisk,
    Method::Disk,
    Method::Launch,
    Method::Machine,
    Method::Checkpoint,
    Method::Shutdown,
    Method::Capture,
    Method::DeleteImage,
    Method::Destroy,
];

#[tokio::test]
async fn a_passing_fault_of_any_call_is_retried() {
    for when in [When::Before, When::After] {
        for call in CALLS {
            let mut world = World::new().await;
            world.provider.failures().fail(
                call,
                when,
                ProviderError::retry("a passing fault", "wait"),
            );
            world.start();
            let build = world.ask().await.unwrap();
            let view = world.ended(&build).await;
            assert_eq!(
                view.state,
                BuildState::Succeeded,
                "{call:?} {when:?}: {view:#?}"
            );
            assert_eq!(
                world.left_over().await,
                Vec::<String>::new(),
                "{call:?} {when:?}"
            );
            world.stop().await;
        }
    }
}

#[tokio::test]
async fn a_lasting_fault_of_any_call_ends_the_build_and_leaves_nothing() {
    for call in [
        Method::Launch,
        Method::Checkpoint,
        Method::Shutdown,
        Method::Capture,
    ] {
        let mut world = World::new().await;
        world.provider.failures().fail(
            call,
            When::After,
            ProviderError::person("the account is closed", "open it"),
        );
        world.start();
        let build = world.ask().await.unwrap();
        let view = world.ended(&build).await;
        assert_eq!(view.state, BuildState::Failed, "{call:?}: {view:#?}");
        assert!(
            view.message
                .as_deref()
                .unwrap_or_default()
                .contains("the account is closed; open it"),
            "{view:#?}"
        );
        assert_eq!(world.left_over().await, Vec::<String>::new(), "{call:?}");
        world.stop().await;
    }
}

#[tokio::test]
async fn a_failed_role_is_named_with_task_host_and_message() {
    for run in ["harden", "kubernetes", "roles-addon-demo"] {
        let mut world = World::new().await;
        world.ansible.fail(run, 1);
        world.start();
        let build = world.ask().await.unwrap();
        let view = world.ended(&build).await;
        assert_eq!(
            (view.state, view.reason.as_deref()),
            (BuildState::Failed, Some("RoleFailed")),
            "{view:#?}"
        );
        let message = view.message.clone().unwrap_or_default();
        assert_eq!(
            message,
            format!("task \"Do it\" of role {run} failed on host image: it broke")
        );
        let failed: Vec<_> = view
            .conditions
            .iter()
            .filter(|one| one.status == ConditionStatus::False)
            .collect();
        assert!(
            failed.iter().all(|one| one.message == message),
            "{failed:#?}"
        );
        assert_eq!(world.left_over().await, Vec::<String>::new(), "{run}");
        world.stop().await;
    }
}

/// What a role can do to its machine or to us: each ends the build with its own reason, within
/// the machines that a build may have, and says what to change.
#[tokio::test]
async fn a_role_that_misbehaves_ends_its_build_with_the_remedy() {
    let cut: How = |name, _| AnsibleError::Unreachable {
        role: Some(name),
        task: "Do it".to_owned(),
        host: "image".to_owned(),
        message: "Connection reset by peer".to_owned(),
    };
    let other_key: How = |name, _| AnsibleError::Unreachable {
        role: Some(name),
        task: "Do it".to_owned(),
        host: "image".to_owned(),
        message: "Failed to connect to the host via ssh: Host key verification failed.".to_owned(),
    };
    let endless: How = |name, _| AnsibleError::Timeout {
        limit_secs: 3600,
        last: format!("task \"Do it\" of role {name}"),
    };
    for (how, changes_key, reason, remedy, machines) in [
        (cut, false, "MachineUnreachable", "as a reboot", 2),
        (cut, true, "HostKeyMismatch", "leave them alone", 1),
        (other_key, false, "HostKeyMismatch", "leave them alone", 1),
        (endless, false, "RoleTimedOut", "a bound of its own", 1),
    ] {
        let mut world = World::new().await;
        if changes_key {
            world.shell.change_key("greet the machine again");
        }
        world.ansible.fail_as("roles-addon-demo", u32::MAX, how);
        world.start();
        let build = world.ask().await.unwrap();
        let view = world.ended(&build).await;
        let end = (view.state, view.reason.as_deref());
        assert_eq!(end, (BuildState::Failed, Some(reason)), "{view:#?}");
        let step = |name| view.steps.iter().find(|step| step.name == name).unwrap();
        assert_eq!(step(StepName::LaunchMachine).attempts, machines, "{reason}");
        let told = |one: &imagebuilder_api::Condition| {
            one.reason == reason
                && one.message.contains("role roles-addon-demo")
                && one.message.contains(remedy)
        };
        assert!(view.conditions.iter().any(told), "{view:#?}");
        assert_eq!(world.left_over().await, Vec::<String>::new(), "{reason}");
        world.stop().await;
    }
}

#[tokio::test]
async fn a_script_that_does_not_run_says_why() {
    for (what, why) in [
        ("run kube-bench", "kube-bench: the kubelet stopped"),
        ("seal the machine", "No space left on device"),
    ] {
        let mut world = World::new().await;
        world.shell.refuse(what, why);
        world.start();
        let build = world.ask().await.unwrap();
        let view = world.ended(&build).await;
        assert_eq!(view.reason.as_deref(), Some("CommandFailed"), "{view:#?}");
        let message = format!("{what} ended with code 1: {why}");
        assert_eq!(view.message, Some(message));
        assert_eq!(world.left_over().await, Vec::<String>::new(), "{what}");
        world.stop().await;
    }
}

#[tokio::test]
async fn a_refused_policy_names_the_check_and_leaves_no_image() {
    let mut world = World::new().await;
    world.shell.break_check();
    world.start();
    let build = world.ask().await.unwrap();
    let view = world.ended(&build).await;
    assert_eq!(view.reason.as_deref(), Some("PolicyFailed"), "{view:#?}");
    assert!(view.message.unwrap_or_default().contains("4.1.1"));
    assert!(world.engine.images(10, None).await.unwrap().is_empty());
    assert_eq!(world.left_over().await, Vec::<String>::new());
    world.stop().await;
}

#[tokio::test]
async fn a_leftover_in_the_captured_image_is_named() {
    let mut world = World::new().await;
    world.shell.leave_traces();
    world.start();
    let build = world.ask().await.unwrap();
    let view = world.ended(&build).await;
    assert_eq!(
        view.reason.as_deref(),
        Some("VerificationFailed"),
        "{view:#?}"
    );
    assert!(view.message.unwrap_or_default().contains("/etc/ssh/old"));
    assert!(world.engine.images(10, None).await.unwrap().is_empty());
    assert_eq!(world.left_over().await, Vec::<String>::new());
    world.stop().await;
}

#[tokio::test]
async fn a_machine_that_never_boots_is_given_up_with_its_console() {
    let mut world = World::new().await;
    world.shell.disconnect("log in", u32::MAX);
    world.start();
    let build = world.ask().await.unwrap();
    let view = world.ended(&build).await;
    assert_eq!(view.reason.as_deref(), Some("BootTimeout"), "{view:#?}");
    let message = view.message.unwrap_or_default();
    assert!(
        message.contains("console of") && message.contains("boot_timeout_secs"),
        "{message}"
    );
    assert_eq!(world.left_over().await, Vec::<String>::new());
    world.stop().await;
}

#[tokio::test]
async fn a_lost_machine_is_replaced_and_captured_stages_are_not_repeated() {
    let mut world = World::new().await;
    world.shell.disconnect("list the packages", 1);
    world.start();
    let build = world.ask().await.unwrap();
    let view = world.ended(&build).await;
    assert_eq!(view.state, BuildState::Succeeded, "{view:#?}");
    let launches = view
        .steps
        .iter()
        .find(|step| step.name == StepName::LaunchMachine)
        .unwrap();
    assert_eq!(launches.attempts, 2);
    let stages = world
        .ansible
        .runs()
        .iter()
        .filter(|run| *run == "harden")
        .count();
    assert_eq!(stages, 1);
    assert_eq!(world.left_over().await, Vec::<String>::new());
    world.stop().await;
}

#[tokio::test]
async fn a_registry_that_is_away_for_a_moment_is_waited_for() {
    let mut world = World::new().await;
    let build = world.ask().await.unwrap();
    world.registry.be_away(3);
    world.start();
    let view = world.ended(&build).await;
    assert_eq!(view.state, BuildState::Succeeded, "{view:#?}");
    world.stop().await;
}
