#!/usr/bin/env bash
# Replaces the database by a backup. The old database stays under another name.
#
#   tools/restore.sh FILE
#
# The collectors keep what they measure meanwhile, and send it afterwards. A restore that fails or
# is killed leaves the database as it was.
set -euo pipefail
[[ $# -eq 1 ]] || { echo "usage: tools/restore.sh FILE" >&2 && exit 1; }
file=$(realpath --canonicalize-missing -- "$1")
cd "$(dirname "$0")/.."
. tools/database.sh

now=$(date -u +%Y%m%dt%H%M%Sz)
new=restore_$now
recorder= # which containers to start again

[[ -f $file && -r $file ]] || fail "restore: $file cannot be read. Nothing was changed."
contents=$(postgres pg_restore --list <"$file") || fail "restore: $file is no dump of tools/backup.sh, or is damaged. Nothing was changed."
grep -q ' TABLE DATA public battery_pack ' <<<"$contents" || fail "restore: $file holds no table battery_pack. Nothing was changed."
# Reads all of it: a file that was cut short has a good beginning.
postgres pg_restore --file=/dev/null <"$file" || fail "restore: $file is damaged. Nothing was changed."

begin restore
finish() {
    [[ -z $new ]] || drop "$new"
    [[ -z $recorder ]] || docker compose start recorder
}
trap finish EXIT

postgres createdb "$new" </dev/null
# Without the owners and rights: the accounts of another system may have other names.
postgres pg_restore --no-owner --no-acl --exit-on-error --dbname "$new" <"$file"
postgres psql -Xq -v ON_ERROR_STOP=1 -d "$new" <<'END'
-- All is the recorder's, but what belongs to an extension. A column's own sequence follows its table.
SELECT format('ALTER TABLE %s OWNER TO homeauto', oid::regclass) FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'f', 'v', 'm', 'S') AND NOT EXISTS (
    SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid
    AND (deptype = 'e' OR relkind = 'S' AND deptype IN ('a', 'i'))
) \gexec
SELECT format('ALTER ROUTINE %s OWNER TO homeauto', oid::regprocedure) FROM pg_proc
WHERE pronamespace = 'public'::regnamespace AND NOT EXISTS (
    SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid AND deptype = 'e'
) \gexec
END

recorder=$(docker compose ps --quiet --status running recorder)
[[ -z $recorder ]] || docker compose stop recorder
# This disconnects dashboards. Both names change at once, or neither does.
postgres psql -Xq -v ON_ERROR_STOP=1 -d postgres <<END
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'homeauto' \\g /dev/null
BEGIN;
ALTER DATABASE homeauto RENAME TO "before_$now";
ALTER DATABASE "$new" RENAME TO homeauto;
COMMIT;
END
new=
postgres psql -Xq -d homeauto -f /docker-entrypoint-initdb.d/roles.sql </dev/null

# The rights as they were, for the accounts that there are.
if rights=$(grep -E ' (DEFAULT )?ACL ' <<<"$contents"); then
    postgres sh -c 'cat >/tmp/rights' <<<"$rights"
    postgres pg_restore --no-owner --use-list=/tmp/rights --dbname homeauto <"$file" 2>/dev/null \
        || echo "restore: rights of accounts that this system does not have were left out"
fi
echo "restore: homeauto is now what $file holds; the old database is called before_$now"
