-- Several workers on one journal. Times of this file are milliseconds since 1970 by the
-- database's clock: workers' clocks differ. A place is what one provider's calls can see:
-- one host for machines on that host, the whole cloud for a cloud.

alter table builds add column project text not null default '';
-- The data folder of the worker that had it last: reports of its steps are files there.
alter table builds add column host text;
update builds set project = split_part(profile, '/profiles/', 1)
    where position('/profiles/' in profile) > 0;

alter table queue add column project text not null default '';
alter table queue add column provider text not null default 'qemu';
alter table queue add column region text not null default 'local';
-- Processors and MiB of the build machine, as 2x2048.
alter table queue add column size text not null default '';
alter table queue add column paused boolean not null default false;
-- After this time the build is given up.
alter table queue add column deadline bigint;
update queue set project = (select project from builds where id = queue.build);
create index queue_by_project on queue (project);

-- Nobody has a lease while the schema changes.
drop table leases;
create table leases (
    build      text collate "C" primary key references queue (build) on delete cascade,
    worker     text not null,
    host       text not null,
    place      text not null,
    fence      bigint not null,
    claimed_at bigint not null,
    expires_at bigint not null
);

-- Who works. A row without a sign of life for a while is a worker that died.
create table workers (
    name       text collate "C" primary key,
    host       text not null,
    place      text not null,
    provider   text not null,
    slots      bigint not null,
    started_at bigint not null,
    seen_at    bigint not null,
    -- Takes no new build; `hand_over` gives the running ones to others as well.
    draining   boolean not null default false,
    hand_over  boolean not null default false
);

-- Which project was served last: the fence of its last claim.
create table projects (
    project text primary key,
    served  bigint not null default 0
);

-- How long builds of a project ran on a day, counted in days since 1970.
create table usage (
    project      text not null,
    day          bigint not null,
    milliseconds bigint not null,
    primary key (project, day)
);

alter table resources add column place text not null default '';

-- A stage is kept once in each place.
alter table stages add column place text not null default '';
alter table stages alter column place drop default;
alter table stages drop constraint stages_pkey;
alter table stages add primary key (place, id);
