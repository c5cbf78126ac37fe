#!/bin/sh
# Starts PostgreSQL for one lab: creates the cluster when the volume is empty, brings roles,
# databases and grants to what /etc/postgres says (on every start, so that a changed password or a
# new database needs no more than a restart), then becomes the server. The superuser exists on the
# local socket only; over TCP each role reaches nothing but its own databases.
set -eu

config=/etc/postgres
passwords=/etc/passwords
socket=/tmp
fresh=
superuser=$(id -un)

say() { echo "postgres: $*"; }
die() { echo "postgres: $*" >&2; exit 1; }
sql() { psql -X -q -v ON_ERROR_STOP=1 -h "$socket" -U "$superuser" -d postgres; }

# Nothing is forced to disk before the first start is over: it takes seconds, and all that a power
# cut can cost then is an empty cluster.
create_cluster() {
  fresh="-c fsync=off"
  rm -rf "$PGDATA.new"
  initdb -D "$PGDATA.new" -U "$superuser" -E UTF8 --locale=C \
    --auth-local=peer --auth-host=reject --no-sync --no-instructions >/tmp/initdb.log 2>&1 \
    || { cat /tmp/initdb.log >&2; die "initdb failed"; }
  mv "$PGDATA.new" "$PGDATA"
}

# Calls a function once per database: name, owner, readers.
each_database() {
  for file in "$config"/database.*; do
    # shellcheck disable=SC2046 (the words of the file are the arguments)
    "$1" "${file##*/database.}" $(cat "$file")
  done
}

access_rules() {
  database=$1
  shift
  for role; do
    echo "host $database $role all scram-sha-256"
  done
}

role_sql() {
  cat <<SQL
SELECT 'CREATE ROLE "$1"' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '$1') \gexec
ALTER ROLE "$1" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD '$(cat "$passwords/$1")';
SQL
}

database_sql() {
  database=$1 owner=$2
  shift 2
  cat <<SQL
SELECT 'CREATE DATABASE "$database" OWNER "$owner"'
  WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '$database') \gexec
REVOKE ALL ON DATABASE "$database" FROM PUBLIC;
\connect $database
SQL
  for reader; do
    cat <<SQL
ALTER ROLE "$reader" SET default_transaction_read_only = on;
GRANT CONNECT ON DATABASE "$database" TO "$reader";
GRANT USAGE ON SCHEMA public TO "$reader";
GRANT SELECT ON ALL TABLES IN SCHEMA public TO "$reader";
ALTER DEFAULT PRIVILEGES FOR ROLE "$owner" IN SCHEMA public GRANT SELECT ON TABLES TO "$reader";
SQL
  done
}

bootstrap() {
  # No statement is logged here, not even a failing one: it may carry a password.
  postgres -c listen_addresses= -c unix_socket_directories="$socket" -c unix_socket_permissions=0700 \
    -c log_min_error_statement=panic -c log_min_messages=fatal $fresh &
  server=$!
  waited=0
  until pg_isready -q -h "$socket" -U "$superuser" -d postgres; do
    kill -0 "$server" 2>/dev/null || die "the server ended while it was set up"
    waited=$((waited + 1))
    [ "$waited" -le 600 ] || die "the server did not answer on its socket within 60 s"
    sleep 0.1
  done
  {
    for file in "$passwords"/*; do role_sql "${file##*/}"; done
    each_database database_sql
  } >/tmp/setup.sql
  sql </tmp/setup.sql || die "roles and databases could not be brought up to date"
  rm /tmp/setup.sql
  kill -INT "$server"
  wait "$server" || die "the server did not stop cleanly after it was set up"
}

umask 077
trap 'exit 143' INT TERM
[ -s "$PGDATA/PG_VERSION" ] || create_cluster
{
  echo "local all $superuser peer"
  each_database access_rules
} >"$PGDATA/pg_hba.conf"
bootstrap
say "roles and databases are set up, starting"
exec postgres \
  -c listen_addresses='*' -c unix_socket_directories="$socket" -c unix_socket_permissions=0700 \
  -c password_encryption=scram-sha-256 -c max_connections=60 -c shared_buffers=32MB \
  -c work_mem=4MB -c maintenance_work_mem=16MB -c jit=off -c max_parallel_workers_per_gather=0 \
  -c wal_level=minimal -c max_wal_senders=0 -c max_wal_size=128MB -c min_wal_size=32MB \
  -c synchronous_commit=off -c log_checkpoints=off -c log_min_error_statement=panic
