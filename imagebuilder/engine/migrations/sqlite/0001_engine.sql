-- What a build is and what happened in it. Kept after the build has ended.
create table builds (
    id          text primary key,
    signature   text not null,
    profile     text not null,
    request     text not null,
    pins        text not null,
    chain       text not null,
    state       text not null check (state in ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    attempt     integer not null default 0,
    reason      text,
    message     text,
    created_at  text not null,
    started_at  text,
    ended_at    text
) strict;
create index builds_by_age on builds (created_at);

-- What is to be done: one row while a build has not ended. One signature, one row
-- (builds that are being cancelled aside):
-- that is what makes two requests share a build.
create table queue (
    build            text primary key references builds (id),
    signature        text not null,
    priority         integer not null default 0,
    fresh            integer not null default 0,
    cancel_requested integer not null default 0,
    not_before       text
) strict;

create unique index queue_one_for_a_signature on queue (signature) where cancel_requested = 0;

-- Who works on a build. Every write of a worker names its fence, so that one
-- that lost its lease cannot write any more.
create table leases (
    build        text primary key references queue (build) on delete cascade,
    worker       text not null,
    fence        integer not null,
    heartbeat_at text not null
) strict;
create table fences (one integer primary key check (one = 1), last integer not null) strict;
insert into fences values (1, 0);

-- The journal. `part` tells the stages of RunStage and Checkpoint apart.
create table build_steps (
    build      text not null references builds (id),
    ordinal    integer not null,
    step       text not null,
    part       text not null default '',
    attempts   integer not null default 0,
    state      text not null check (state in ('running', 'done', 'failed', 'undone', 'skipped')),
    cached     integer not null default 0,
    started_at text not null,
    ended_at   text,
    output     text,
    error      text,
    primary key (build, step, part)
) strict;

-- Intent before the provider's call, id after it.
create table resources (
    intent     text primary key,
    build      text not null references builds (id),
    kind       text not null,
    purpose    text not null,
    provider   text not null,
    id         text,
    state      text not null check (state in ('intended', 'created', 'gone')),
    created_at text not null,
    deadline   text not null,
    gone_at    text
) strict;
create index resources_by_build on resources (build);

create table conditions (
    build   text not null references builds (id),
    ordinal integer not null,
    type    text not null,
    status  text not null,
    reason  text not null,
    message text not null,
    since   text not null,
    primary key (build, type)
) strict;

create table events (
    build   text not null references builds (id),
    seq     integer not null,
    at      text not null,
    type    text not null,
    step    text,
    message text not null,
    data    text,
    primary key (build, seq)
) strict, without rowid;

-- Finished images by signature. `record` is what the registry holds as well.
create table images (
    signature  text primary key,
    state      text not null check (state in ('building', 'captured', 'verified', 'failed', 'revoked')),
    profile    text not null,
    build      text,
    repository text,
    digest     text,
    record     text not null,
    created_at text not null
) strict;
create index images_by_age on images (created_at);

-- Stages on this host. `pushed` is the digest of the artifact once the registry has it.
create table stages (
    id           text primary key,
    parent       text,
    name         text not null,
    provider     text not null,
    disk         text not null,
    inputs       text not null,
    size_bytes   integer not null,
    seconds      real not null,
    build        text,
    created_at   text not null,
    last_used_at text not null,
    project      text not null,
    pushed       text
) strict;
