//! Who works on what: the choice of the next build, and the claim.

use database::{FromRow, Transaction, retry, statements, values};

use crate::fair::{Held, Scene, Waiting};
use crate::journal::leases::{LEASE_MILLISECONDS, end_expired};
use crate::journal::{Journal, JournalError, now};
use crate::quotas::Limits;

statements! {
    // Limits are counted by one worker at a time; this row is also the source of fences.
    TURN: "wait for the turn to claim" = "select last from fences where one = 1" for_update;
    NEXT_FENCE: "make a fence" = "update fences set last = last + 1 returning last";
    RUNNING: "list what runs" = "select q.project, q.provider, q.region, q.size, count(*) as count, \
        CAST(sum(" now " - l.claimed_at) AS BIGINT) as spent \
        from leases l join queue q on q.build = l.build group by q.project, q.provider, q.region, q.size";
    WAITING: "list what waits" = "select project, provider, region, size, max(priority) as priority, \
        min(build) as first from queue q \
        where not paused and not cancel_requested and (not_before is null or not_before <= $1) \
        and (deadline is null or deadline > " now ") \
        and not exists (select 1 from leases l where l.build = q.build) \
        group by project, provider, region, size";
    STANDING: "list what projects had" = "select n.project, \
        coalesce((select p.served from projects p where p.project = n.project), 0) as served, \
        coalesce((select u.milliseconds from usage u where u.project = n.project \
            and u.day = " now " / 86400000), 0) as used \
        from (select distinct project from queue) n";
    TAKE: "choose a build" = "select build, fresh, size from queue q where project = $1 and provider = $2 \
        and region = $3 and size = $4 \
        and not paused and not cancel_requested and (not_before is null or not_before <= $5) \
        and (deadline is null or deadline > " now ") \
        and not exists (select 1 from leases l where l.build = q.build) \
        order by priority desc, build limit 1" for_update_skip_locked;
    LEASE: "write a lease" = "insert into leases \
        (build, worker, host, place, fence, claimed_at, expires_at) \
        values ($1, $2, $3, $4, $5, " now ", " now " + $6)";
    SERVED: "note that a project was served" = "insert into projects (project, served) values ($1, $2) \
        on conflict (project) do update set served = excluded.served";
    START: "start a build" = "update builds set state = 'running', attempt = attempt + 1, \
        started_at = coalesce(started_at, $2) where id = $1 returning attempt, host";
    HOST: "note where a build is worked on" = "update builds set host = $2 where id = $1";
    LEFT_BEHIND: "note what stayed on another host" = "update build_steps set state = 'undone' \
        where build = $1 and part = '' and state in ('done', 'skipped')";
    ONE: "read a build's place in the queue" = "select project, provider, region, size, priority, \
        build as first from queue where build = $1";
}

/// The right to work on a build.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    pub(crate) build: String,
    pub(crate) fence: i64,
    pub(crate) fresh: bool,
    pub(crate) attempt: i64,
    /// Of the build machine.
    pub(crate) size: String,
}

#[derive(FromRow)]
struct Chosen {
    build: String,
    fresh: bool,
    size: String,
}

/// Waits until no other worker claims; until the end of the transaction none will.
pub(super) async fn turn(transaction: &mut Transaction) -> Result<(), JournalError> {
    Ok(transaction.lock(&TURN, values![]).await?)
}

impl Journal {
    /// Takes the build that is next, if there is one that a worker with this provider may have.
    pub(crate) async fn claim(
        &self,
        worker: &str,
        provider: &str,
        limits: &Limits,
    ) -> Result<Option<Claim>, JournalError> {
        let claim = retry(|| self.try_claim(worker, provider, limits)).await?;
        if let Some(claim) = &claim {
            self.announce(&claim.build);
        }
        Ok(claim)
    }

    async fn try_claim(
        &self,
        worker: &str,
        provider: &str,
        limits: &Limits,
    ) -> Result<Option<Claim>, JournalError> {
        let mut transaction = self.pool.begin().await?;
        turn(&mut transaction).await?;
        let ended = end_expired(&mut transaction).await?;
        let now = now();
        let mut waiting: Vec<Waiting> = transaction.all(&WAITING, values![&now]).await?;
        waiting.retain(|one| one.provider == provider);
        let scene = Scene::new(
            limits,
            transaction.all(&RUNNING, values![]).await?,
            transaction.all(&STANDING, values![]).await?,
        );
        let mut claim = None;
        for kind in scene.order(waiting) {
            let Waiting {
                project,
                provider,
                region,
                size,
                ..
            } = &kind;
            let values = values![project, provider, region, size, &now];
            // Somebody may be changing the row just now: then the next kind is as good.
            if let Some(chosen) = transaction.optional::<Chosen>(&TAKE, values).await? {
                claim = Some(self.take(&mut transaction, worker, project, chosen).await?);
                break;
            }
        }
        transaction.commit().await?;
        ended.iter().for_each(|build| self.announce(build));
        Ok(claim)
    }

    async fn take(
        &self,
        transaction: &mut Transaction,
        worker: &str,
        project: &str,
        chosen: Chosen,
    ) -> Result<Claim, JournalError> {
        let Chosen { build, fresh, size } = chosen;
        let here = &self.here;
        let (fence,): (i64,) = transaction.one(&NEXT_FENCE, values![]).await?;
        let values = values![
            &build,
            worker,
            &here.host,
            &here.place,
            fence,
            LEASE_MILLISECONDS
        ];
        transaction.execute(&LEASE, values).await?;
        transaction
            .execute(&SERVED, values![project, fence])
            .await?;
        let now = now();
        let started = values![&build, &now];
        let (attempt, host): (i64, Option<String>) = transaction.one(&START, started).await?;
        transaction
            .execute(&HOST, values![&build, &here.host])
            .await?;
        // What steps kept on another host, reports among it, is made again on this one; also by a
        // second worker of this host, if the first one dies before it came to that.
        if host.is_some_and(|host| host != here.host) {
            transaction.execute(&LEFT_BEHIND, values![&build]).await?;
        }
        Ok(Claim {
            build,
            fence,
            fresh,
            attempt,
            size,
        })
    }

    /// Why a build that waits is held back, if a limit is what it waits for.
    pub(crate) async fn held(
        &self,
        build: &str,
        limits: &Limits,
    ) -> Result<Option<Held>, JournalError> {
        let Some(one) = self.pool.optional::<Waiting>(&ONE, values![build]).await? else {
            return Ok(None);
        };
        let scene = Scene::new(
            limits,
            self.pool.all(&RUNNING, values![]).await?,
            self.pool.all(&STANDING, values![]).await?,
        );
        Ok(scene.held(&one))
    }
}
