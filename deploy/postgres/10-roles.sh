#!/bin/sh
# Run once by the image of PostgreSQL on an empty disk.
set -eu
psql --username "$POSTGRES_USER" --set ON_ERROR_STOP=1 \
  --set owner_password="$WHISTLE_OWNER_PASSWORD" --set app_password="$WHISTLE_APP_PASSWORD" \
  --file /deploy/postgres/roles.sql
psql --username "$POSTGRES_USER" --set ON_ERROR_STOP=1 --set temporal_password="$TEMPORAL_PASSWORD" <<'SQL'
create role temporal login createdb password :'temporal_password';
SQL
