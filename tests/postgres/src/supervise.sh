# Makes a cluster in a folder of its own, runs it, and takes it away again once the
# standard input ends, which it does when the test is over or dead. $1: PostgreSQL's
# programs. It prints "ready FOLDER", or why not.
set -eu
programs=$1
folder=$(mktemp -d "${TMPDIR:-/tmp}/packyard-postgres.XXXXXX")
server=
finish() {
  if [ -n "$server" ]; then
    kill -QUIT "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$folder"
}
trap finish EXIT
"$programs/initdb" --no-sync --auth=trust --username=packyard --encoding=UTF8 --locale=C.UTF-8 \
  --pgdata="$folder/data" >"$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }
# Nothing here is worth a sync: a crash of the machine ends the test too.
"$programs/postgres" -D "$folder/data" -k "$folder" -F -c listen_addresses= \
  -c max_connections=300 -c shared_buffers=32MB -c full_page_writes=off -c autovacuum=off \
  </dev/null >>"$folder/log" 2>&1 &
server=$!
until "$programs/pg_isready" --quiet --host="$folder"; do
  kill -0 "$server" 2>/dev/null || { cat "$folder/log"; exit 1; }
  sleep 0.1
done
echo "ready $folder"
cat >/dev/null
