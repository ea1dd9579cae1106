-- Which span asked for the build, as the header traceparent says it; null where nothing was
-- traced. Whichever worker has the build continues that trace.
alter table builds add column trace text;
