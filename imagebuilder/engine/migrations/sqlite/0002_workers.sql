-- Several workers on one journal. Times of this file are milliseconds since 1970 by the
-- database's clock: workers' clocks differ. A place is what one provider's calls can see:
-- one host for machines on that host, the whole cloud for a cloud.

alter table builds add column project text not null default '';
-- The data folder of the worker that had it last: reports of its steps are files there.
alter table builds add column host text;
update builds set project = substr(profile, 1, instr(profile, '/profiles/') - 1)
    where instr(profile, '/profiles/') > 0;

alter table queue add column project text not null default '';
alter table queue add column provider text not null default 'qemu';
alter table queue add column region text not null default 'local';
-- Processors and MiB of the build machine, as 2x2048.
alter table queue add column size text not null default '';
alter table queue add column paused integer not null default 0;
-- After this time the build is given up.
alter table queue add column deadline integer;
update queue set project = (select project from builds where id = queue.build);
create index queue_by_project on queue (project);

-- Nobody has a lease while the schema changes.
drop table leases;
create table leases (
    build      text primary key references queue (build) on delete cascade,
    worker     text not null,
    host       text not null,
    place      text not null,
    fence      integer not null,
    claimed_at integer not null,
    expires_at integer not null
) strict;

-- Who works. A row without a sign of life for a while is a worker that died.
create table workers (
    name       text primary key,
    host       text not null,
    place      text not null,
    provider   text not null,
    slots      integer not null,
    started_at integer not null,
    seen_at    integer not null,
    -- Takes no new build; `hand_over` gives the running ones to others as well.
    draining   integer not null default 0,
    hand_over  integer not null default 0
) strict;

-- Which project was served last: the fence of its last claim.
create table projects (
    project text primary key,
    served  integer not null default 0
) strict, without rowid;

-- How long builds of a project ran on a day, counted in days since 1970.
create table usage (
    project      text not null,
    day          integer not null,
    milliseconds integer not null,
    primary key (project, day)
) strict, without rowid;

alter table resources add column place text not null default '';

-- A stage is kept once in each place.
alter table stages rename to stages_of_one_place;
create table stages (
    id           text not null,
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
    pushed       text,
    place        text not null,
    primary key (place, id)
) strict;
insert into stages select *, '' from stages_of_one_place;
drop table stages_of_one_place;
