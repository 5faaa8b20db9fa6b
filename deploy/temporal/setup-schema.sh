#!/bin/sh
# Makes Temporal's two databases, or brings them to the schema of this image; safe to run again.
set -eu
sql() { temporal-sql-tool --plugin postgres12 --endpoint "$POSTGRES_SEEDS" --port 5432 --user "$POSTGRES_USER" --db "$@"; }
for pair in temporal:temporal temporal_visibility:visibility; do
  database=${pair%%:*} schema=${pair##*:}
  sql "$database" create
  sql "$database" setup-schema --version 0.0 || true
  sql "$database" update-schema --schema-dir "/etc/temporal/schema/postgresql/v12/$schema/versioned"
done
