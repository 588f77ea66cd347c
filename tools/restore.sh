#!/usr/bin/env bash
# Replaces the database by a backup. The old database stays under another name.
#
#   tools/restore.sh FILE
#
# The collectors keep what they measure meanwhile, and send it afterwards.
set -euo pipefail
cd "$(dirname "$0")/.."

file=${1:?usage: tools/restore.sh FILE}
now=$(date -u +%Y%m%dt%H%M%Sz)

postgres() { docker compose exec -T postgres "$@"; }

postgres createdb "restore_$now"
postgres pg_restore --exit-on-error --dbname "restore_$now" <"$file"

docker compose stop recorder
trap 'docker compose start recorder' EXIT
# This disconnects dashboards. Both names change at once, or neither does.
postgres psql -Xq -v ON_ERROR_STOP=1 -d postgres <<END
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'homeauto' \\g /dev/null
BEGIN;
ALTER DATABASE homeauto RENAME TO "before_$now";
ALTER DATABASE "restore_$now" RENAME TO homeauto;
COMMIT;
END
postgres psql -Xq -d homeauto -f /docker-entrypoint-initdb.d/roles.sql
echo "restore: homeauto is now what $file holds; the old database is called before_$now"
