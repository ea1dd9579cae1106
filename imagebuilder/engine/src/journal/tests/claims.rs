//! Claims, leases, fences, and what is wanted of builds: alone and between two processes.

use std::time::Duration;

use database::{Statement, values};

use super::process::Process;
use super::{Both, new_build, other};
use crate::journal::{Claim, Draining, Journal, JournalError, NewWorker, StepEnd, Submitted};
use crate::quotas::{Limits, Quota};

async fn submit(journal: &Journal, project: &str, signature: &str) -> String {
    match journal.submit(&new_build(project, signature), 100).await {
        Ok(Submitted::Created(build)) => build,
        other => panic!("not created: {other:?}"),
    }
}

async fn claim(journal: &Journal, limits: &Limits) -> Option<Claim> {
    let name = &journal.here.host;
    journal
        .claim(name, "fake", limits)
        .await
        .expect("an answer")
}

static AGE: Statement = Statement {
    what: "let leases run out",
    sqlite: "update leases set expires_at = 0",
    postgres: "update leases set expires_at = 0",
};
static LATE: Statement = Statement {
    what: "let deadlines pass",
    sqlite: "update queue set deadline = 1",
    postgres: "update queue set deadline = 1",
};

async fn age(process: &Process) {
    process
        .journal
        .pool
        .execute(&AGE, values![])
        .await
        .expect("aged");
}

#[tokio::test]
async fn projects_take_turns_and_priority_counts_within_one() {
    Both::each(async |process| {
        let journal = &process.journal;
        let limits = Limits::default();
        let first = submit(journal, "a", "1").await;
        let second = submit(journal, "a", "2").await;
        let urgent = submit(journal, "a", "3").await;
        let others = submit(journal, "b", "4").await;
        assert!(journal.prioritize(&urgent, 10).await.unwrap());
        let mut order = Vec::new();
        while let Some(claim) = claim(journal, &limits).await {
            order.push(claim.build);
        }
        assert_eq!(order, [urgent, others, first, second]);
        assert!(
            journal
                .claim("one", "aws", &limits)
                .await
                .unwrap()
                .is_none()
        );
    })
    .await;
}

#[tokio::test]
async fn limits_hold_builds_back_until_there_is_room() {
    Both::each(async |process| {
        let journal = &process.journal;
        let limits = Limits {
            each_project: Quota {
                builds: Some(1),
                ..Quota::default()
            },
            ..Limits::default()
        };
        submit(journal, "a", "1").await;
        let second = submit(journal, "a", "2").await;
        let one = claim(journal, &limits).await.expect("a claim");
        assert!(claim(journal, &limits).await.is_none());
        let held = journal.held(&second, &limits).await.unwrap().expect("held");
        assert_eq!(held.reason(), "QuotaBuilds");
        journal
            .of(&one)
            .finish("succeeded", None, None)
            .await
            .unwrap();
        assert_eq!(journal.held(&second, &limits).await.unwrap(), None);
        assert_eq!(
            claim(journal, &limits).await.expect("a claim").build,
            second
        );
        let full = journal.submit(&new_build("a", "3"), 1).await.unwrap();
        assert_eq!(full, Submitted::Full);
    })
    .await;
}

#[tokio::test]
async fn minutes_of_a_day_are_counted_and_bound() {
    Both::each(async |process| {
        let journal = &process.journal;
        let mut limits = Limits::default();
        submit(journal, "a", "1").await;
        let one = claim(journal, &limits).await.expect("a claim");
        tokio::time::sleep(Duration::from_millis(20)).await;
        journal.of(&one).release().await.unwrap();
        limits.each_project.minutes_a_day = Some(1);
        let again = claim(journal, &limits).await.expect("a minute is not over");
        journal.of(&again).release().await.unwrap();
        limits.each_project.minutes_a_day = Some(0);
        assert!(claim(journal, &limits).await.is_none());
        let held = journal
            .held(&one.build, &limits)
            .await
            .unwrap()
            .expect("held");
        assert_eq!(held.reason(), "QuotaMinutes");
    })
    .await;
}

#[tokio::test]
async fn a_worker_that_lost_its_lease_writes_nothing() {
    Both::each(async |process| {
        let journal = &process.journal;
        submit(journal, "a", "1").await;
        let limits = Limits::default();
        let lost = journal.of(&claim(journal, &limits).await.expect("a claim"));
        assert!(claim(journal, &limits).await.is_none());
        age(&process).await;
        let has = claim(journal, &limits).await.expect("a lease that ran out");
        assert_eq!(has.attempt, 2);
        let end = StepEnd::failed("late");
        let refused = [
            lost.event("Note", None, "late", None).await,
            lost.begin_step(1, "Seal", "").await.map(drop),
            lost.end_step("Seal", "", &end).await,
            lost.condition(1, "Seal", "True", "Done", "late").await,
            lost.intend("x", "machine", "build", "fake", "never").await,
            lost.created("x", "y").await,
            lost.resize("4x4096").await,
            lost.finish("failed", None, None).await,
        ];
        for (at, answer) in refused.into_iter().enumerate() {
            assert!(
                matches!(answer, Err(JournalError::LeaseLost { .. })),
                "{at}: {answer:?}"
            );
        }
        lost.release().await.unwrap();
        lost.undo_steps(&["Seal"]).await.unwrap();
        let held = journal.beat("one").await.unwrap();
        assert_eq!(held, [(has.build.clone(), has.fence)]);
        journal
            .of(&has)
            .event("Note", None, "in time", None)
            .await
            .unwrap();
        let events = journal.events(&has.build, 0, 10).await.unwrap();
        assert_eq!(events.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn pauses_deadlines_and_cancels_are_heard() {
    Both::each(async |process| {
        let journal = &process.journal;
        let limits = Limits::default();
        let paused = submit(journal, "a", "1").await;
        assert!(journal.pause(&paused, true).await.unwrap());
        assert!(claim(journal, &limits).await.is_none());
        assert!(journal.pause(&paused, false).await.unwrap());
        let claimed = claim(journal, &limits).await.expect("a claim");
        journal.pool.execute(&LATE, values![]).await.unwrap();
        assert!(journal.request_cancel(&claimed.build).await.unwrap());
        assert!(
            journal.drop_unwanted().await.unwrap().is_empty(),
            "a worker has it"
        );
        let wish = &journal.wishes("one").await.unwrap()[0];
        assert!(wish.cancel_requested && wish.late && !wish.paused);
        journal.of(&claimed).release().await.unwrap();
        let dropped = journal.drop_unwanted().await.unwrap();
        assert_eq!(dropped, std::slice::from_ref(&claimed.build));
        let row = journal.build(&claimed.build).await.unwrap().unwrap();
        assert_eq!(row.state, "cancelled");
        assert!(!journal.pause(&claimed.build, true).await.unwrap());
        let late = submit(journal, "a", "2").await;
        journal.pool.execute(&LATE, values![]).await.unwrap();
        assert!(claim(journal, &limits).await.is_none());
        let dropped = journal.drop_unwanted().await.unwrap();
        assert_eq!(dropped, std::slice::from_ref(&late));
        let row = journal.build(&late).await.unwrap().unwrap();
        assert_eq!(row.reason.as_deref(), Some("DeadlineExceeded"));
    })
    .await;
}

#[tokio::test]
async fn workers_are_listed_and_drained() {
    Both::each(async |process| {
        let journal = &process.journal;
        let new = NewWorker {
            name: "one",
            provider: "fake",
            slots: 3,
        };
        journal.register(&new).await.unwrap();
        let on = Draining {
            draining: true,
            hand_over: true,
        };
        assert!(journal.drain("one", on).await.unwrap());
        assert!(!journal.drain("nobody", on).await.unwrap());
        assert_eq!(journal.seen("one").await.unwrap(), on);
        let listed = journal.workers().await.unwrap();
        assert_eq!(
            (listed.len(), listed[0].slots, listed[0].running),
            (1, 3, 0)
        );
        // The next process on the same data folder takes its place.
        journal
            .register(&NewWorker { name: "two", ..new })
            .await
            .unwrap();
        assert_eq!(journal.workers().await.unwrap()[0].name, "two");
        journal.leave("two").await.unwrap();
        assert!(journal.workers().await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn two_processes_share_one_build_and_hear_of_its_changes() {
    let one = Both::shared().await;
    let two = other(&one).await;
    // Both listen by now: what the first says is not lost.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut heard = two.journal.subscribe();
    let asked = futures::future::join_all((0..8).map(|number| {
        let journal = if number % 2 == 0 {
            &one.journal
        } else {
            &two.journal
        };
        async move { journal.submit(&new_build("a", "1"), 100).await.unwrap() }
    }));
    let answers = asked.await;
    let created = answers
        .iter()
        .filter(|one| matches!(one, Submitted::Created(_)));
    assert_eq!(created.count(), 1, "{answers:?}");
    assert_eq!(one.journal.unfinished().await.unwrap().len(), 1);
    let limits = Limits::default();
    let claimed = claim(&one.journal, &limits).await.expect("a claim");
    while heard.try_recv().is_ok() {}
    one.journal
        .of(&claimed)
        .event("Note", None, "hello", None)
        .await
        .unwrap();
    let limit = Duration::from_secs(10);
    let word = tokio::time::timeout(limit, heard.recv()).await;
    assert_eq!(word.expect("in time").unwrap(), claimed.build);
    age(&one).await;
    claim(&two.journal, &limits).await.expect("taken over");
    one.journal.close().await;
    two.journal.close().await;
}

#[tokio::test]
async fn many_processes_never_claim_the_same_build() {
    let one = Both::shared().await;
    let two = other(&one).await;
    for number in 0..20 {
        submit(
            &one.journal,
            ["a", "b", "c"][number % 3],
            &number.to_string(),
        )
        .await;
    }
    let limits = Limits {
        slots: vec!["fake/local/*=12".parse().unwrap()],
        ..Limits::default()
    };
    let claims = futures::future::join_all((0..20).map(|number| {
        let journal = if number % 2 == 0 {
            &one.journal
        } else {
            &two.journal
        };
        let limits = &limits;
        async move { claim(journal, limits).await }
    }));
    let mut builds: Vec<String> = claims
        .await
        .into_iter()
        .flatten()
        .map(|one| one.build)
        .collect();
    builds.sort();
    builds.dedup();
    assert_eq!(
        builds.len(),
        12,
        "as many as there are slots, and each once"
    );
}

#[tokio::test]
async fn a_process_that_begins_again_has_its_builds_at_once() {
    let one = Both::shared().await;
    let two = other(&one).await;
    let limits = Limits::default();
    submit(&one.journal, "a", "1").await;
    submit(&one.journal, "a", "2").await;
    let mine = claim(&one.journal, &limits).await.expect("a claim");
    let theirs = claim(&two.journal, &limits).await.expect("a claim");
    assert_eq!(one.journal.take_over().await.unwrap(), [mine.build]);
    assert_eq!(two.journal.beat("two").await.unwrap().len(), 1);
    let row = one.journal.build(&theirs.build).await.unwrap().unwrap();
    assert_eq!(row.state, "running");
}

#[tokio::test]
async fn what_stayed_on_another_host_is_made_again_by_whoever_has_the_build_next() {
    let one = Both::shared().await;
    let two = other(&one).await;
    let limits = Limits::default();
    let build = submit(&one.journal, "a", "1").await;
    let first = claim(&one.journal, &limits).await.expect("a claim");
    let journal = one.journal.of(&first);
    for (step, part) in [("Inspect", ""), ("RunStage", "deep")] {
        journal.begin_step(1, step, part).await.unwrap();
        let done = StepEnd {
            state: "done",
            output: Some("{}"),
            error: None,
            cached: false,
        };
        journal.end_step(step, part, &done).await.unwrap();
    }
    let states = async || -> Vec<String> {
        let steps = one.journal.steps(&build).await.unwrap();
        steps.into_iter().map(|step| step.state).collect()
    };
    age(&one).await;
    claim(&one.journal, &limits)
        .await
        .expect("on the same host");
    assert_eq!(states().await, ["done", "done"]);
    age(&one).await;
    // It dies before it writes anything; the next one of its host must not take its
    // predecessor's word for what is here.
    claim(&two.journal, &limits).await.expect("on another host");
    age(&one).await;
    claim(&two.journal, &limits).await.expect("there again");
    assert_eq!(states().await, ["undone", "done"]);
    one.journal.close().await;
    two.journal.close().await;
}
