#!/bin/sh
# The entry point of the test's stand-in for images of PostgreSQL, Redis, nginx, Prometheus (compose/local/service_image.py).
# `postgres …` makes the database first where there is none, from POSTGRES_USER, POSTGRES_DB and POSTGRES_PASSWORD_FILE,
# as the well-known image does; every other command is run as it is.
set -eu
if [ "$1" = postgres ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
    initdb --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" --encoding=UTF8 --locale=C \
        ${POSTGRES_INITDB_ARGS:-} >/dev/null
    echo "CREATE DATABASE $POSTGRES_DB" | postgres --single -D "$PGDATA" postgres >/dev/null
fi
exec "$@"
