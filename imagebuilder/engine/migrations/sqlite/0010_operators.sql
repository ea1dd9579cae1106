-- Images that were withdrawn. Kept when the image is gone: the signature is never used again.
create table revocations (
    signature  text primary key,
    reason     text not null,
    revoked_at text not null
) strict;

-- Who needs an image, beside the profiles that resolve to it: a cluster, a release.
create table holds (
    signature text not null,
    holder    text not null,
    reason    text,
    held_at   text not null,
    primary key (signature, holder)
) strict;

-- What is to be told to whom. A row goes once it was told, or given up.
create table deliveries (
    id         text primary key,
    target     text not null,
    type       text not null,
    body       text not null,
    attempts   integer not null default 0,
    created_at text not null,
    due_at     text not null,
    error      text
) strict;
create index deliveries_by_due on deliveries (due_at);

create index builds_by_signature on builds (signature);

-- What a disk must be. Written once it was read whole; compared before anything stands on it.
create table disk_digests (
    place      text not null,
    disk       text not null,
    digest     text not null,
    size_bytes integer not null,
    checked_at text not null,
    primary key (place, disk)
) strict;
