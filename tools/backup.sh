#!/usr/bin/env bash
# Dumps the database, restores the dump into a scratch database, and compares the number of rows of
# each table. Only if they are equal is there a backup.
#
#   tools/backup.sh [FILE]     by default backups/bluenova-<time>.dump
#
# The comparison needs room for a second copy in the database's volume. Recording goes on.
set -euo pipefail
cd "$(dirname "$0")/.."

file=${1:-backups/bluenova-$(date -u +%Y%m%dT%H%M%SZ).dump}
scratch=backup_check_$$
# A line for each table: its name and number of rows.
count_rows="SELECT string_agg(format('SELECT %L, count(*) FROM %I.%I', relname, nspname, relname), ' UNION ALL ' ORDER BY relname)
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE nspname = 'public' AND relkind IN ('r', 'p') \\gexec"

postgres() { docker compose exec -T postgres "$@"; }

umask 077 # nobody else may read the dump
mkdir -p "$(dirname "$file")"
trap 'rm -f "$file.partial" "$file.rows"; postgres dropdb --if-exists "$scratch" </dev/null' EXIT

# The dump and the count see the database at the same instant, even if rows are written meanwhile.
postgres psql -XqAt -v ON_ERROR_STOP=1 -d homeauto >"$file.partial" 2>"$file.rows" <<END
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT pg_export_snapshot() AS snapshot \\gset
\\setenv SNAPSHOT :snapshot
\\! pg_dump --format=custom --snapshot="\$SNAPSHOT" homeauto
\\o /dev/stderr
$count_rows
END

postgres createdb "$scratch"
postgres pg_restore --exit-on-error --dbname "$scratch" <"$file.partial"
restored=$(postgres psql -XqAt -v ON_ERROR_STOP=1 -d "$scratch" <<<"$count_rows")

if [[ -z $restored || $restored != "$(<"$file.rows")" ]]; then
    printf 'backup: no backup was made: the restored rows differ.\nthe database:\n%s\nrestored:\n%s\n' "$(<"$file.rows")" "$restored" >&2
    exit 1
fi
mv "$file.partial" "$file"
printf 'backup: %s, %s bytes, restored and compared:\n%s\n' "$file" "$(stat -c %s "$file")" "$restored"
