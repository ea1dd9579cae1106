-- What a build is and what happened in it. Kept after the build has ended.
-- Names and times are compared byte by byte, as SQLite does.
create table builds (
    id          text collate "C" primary key,
    signature   text collate "C" not null,
    profile     text not null,
    request     text not null,
    pins        text not null,
    chain       text not null,
    state       text not null check (state in ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    attempt     bigint not null default 0,
    reason      text,
    message     text,
    created_at  text collate "C" not null,
    started_at  text collate "C",
    ended_at    text collate "C"
);
create index builds_by_age on builds (created_at);

-- What is to be done: one row while a build has not ended. One signature, one row
-- (builds that are being cancelled aside):
-- that is what makes two requests share a build.
create table queue (
    build            text collate "C" primary key references builds (id),
    signature        text collate "C" not null,
    priority         bigint not null default 0,
    fresh            boolean not null default false,
    cancel_requested boolean not null default false,
    not_before       text collate "C"
);

create unique index queue_one_for_a_signature on queue (signature) where not cancel_requested;

-- Who works on a build. Every write of a worker names its fence, so that one
-- that lost its lease cannot write any more.
create table leases (
    build        text collate "C" primary key references queue (build) on delete cascade,
    worker       text not null,
    fence        bigint not null,
    heartbeat_at text not null
);
create table fences (one bigint primary key check (one = 1), last bigint not null);
insert into fences values (1, 0);

-- The journal. `part` tells the stages of RunStage and Checkpoint apart.
create table build_steps (
    build      text collate "C" not null references builds (id),
    ordinal    bigint not null,
    step       text not null,
    part       text not null default '',
    attempts   bigint not null default 0,
    state      text not null check (state in ('running', 'done', 'failed', 'undone', 'skipped')),
    cached     boolean not null default false,
    started_at text not null,
    ended_at   text,
    output     text,
    error      text,
    primary key (build, step, part)
);

-- Intent before the provider's call, id after it.
create table resources (
    intent     text collate "C" primary key,
    build      text collate "C" not null references builds (id),
    kind       text not null,
    purpose    text not null,
    provider   text not null,
    id         text,
    state      text not null check (state in ('intended', 'created', 'gone')),
    created_at text collate "C" not null,
    deadline   text not null,
    gone_at    text
);
create index resources_by_build on resources (build);

create table conditions (
    build   text collate "C" not null references builds (id),
    ordinal bigint not null,
    type    text not null,
    status  text not null,
    reason  text not null,
    message text not null,
    since   text collate "C" not null,
    primary key (build, type)
);

create table events (
    build   text collate "C" not null references builds (id),
    seq     bigint not null,
    at      text not null,
    type    text not null,
    step    text,
    message text not null,
    data    text,
    primary key (build, seq)
);

-- Finished images by signature. `record` is what the registry holds as well.
create table images (
    signature  text collate "C" primary key,
    state      text not null check (state in ('building', 'captured', 'verified', 'failed', 'revoked')),
    profile    text not null,
    build      text collate "C",
    repository text,
    digest     text,
    record     text not null,
    created_at text collate "C" not null
);
create index images_by_age on images (created_at);

-- Stages on this host. `pushed` is the digest of the artifact once the registry has it.
create table stages (
    id           text collate "C" primary key,
    parent       text collate "C",
    name         text not null,
    provider     text not null,
    disk         text not null,
    inputs       text not null,
    size_bytes   bigint not null,
    seconds      double precision not null,
    build        text collate "C",
    created_at   text collate "C" not null,
    last_used_at text collate "C" not null,
    project      text not null,
    pushed       text
);
