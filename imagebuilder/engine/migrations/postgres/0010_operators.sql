-- Images that were withdrawn. Kept when the image is gone: the signature is never used again.
create table revocations (
    signature  text collate "C" primary key,
    reason     text not null,
    revoked_at text collate "C" not null
);

-- Who needs an image, beside the profiles that resolve to it: a cluster, a release.
create table holds (
    signature text collate "C" not null,
    holder    text not null,
    reason    text,
    held_at   text collate "C" not null,
    primary key (signature, holder)
);

-- What is to be told to whom. A row goes once it was told, or given up.
create table deliveries (
    id         text collate "C" primary key,
    target     text not null,
    type       text not null,
    body       text not null,
    attempts   bigint not null default 0,
    created_at text collate "C" not null,
    due_at     text collate "C" not null,
    error      text
);
create index deliveries_by_due on deliveries (due_at);

create index builds_by_signature on builds (signature);

-- What a disk must be. Written once it was read whole; compared before anything stands on it.
create table disk_digests (
    place      text collate "C" not null,
    disk       text collate "C" not null,
    digest     text not null,
    size_bytes bigint not null,
    checked_at text not null,
    primary key (place, disk)
);
