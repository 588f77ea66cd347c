#!/usr/bin/env bash
# Dumps the database, restores the dump into a scratch database, and compares the number of rows of
# each table. Only if they are equal is there a backup.
#
#   tools/backup.sh [FILE]     by default backups/bluenova-<time>.dump
#
# The comparison needs room for a second copy in the database's volume. Recording goes on.
set -euo pipefail
file=$(realpath --canonicalize-missing -- "${1:-$(dirname "$0")/../backups/bluenova-$(date -u +%Y%m%dT%H%M%SZ).dump}")
cd "$(dirname "$0")/.."
. tools/database.sh

scratch=backup_check_$$
# One name for all backups, so that what a killed one left is overwritten by the next.
partial=$(dirname "$file")/.bluenova-backup.partial
# A line for each table: its name and number of rows.
count_rows="SELECT string_agg(format('SELECT %L, count(*) FROM %I.%I', relname, nspname, relname), ' UNION ALL ' ORDER BY relname)
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE nspname = 'public' AND relkind IN ('r', 'p') \\gexec"

umask 077 # nobody else may read the dump
mkdir -p "$(dirname "$file")"
begin backup
trap 'rm -f "$partial" "$partial.rows"; drop "$scratch"' EXIT

# A full disk would stop the recording, too.
size=$(postgres psql -XqAt -d postgres -c "SELECT pg_database_size('homeauto')" </dev/null)
room=$(postgres sh -c 'df -Pk "$PGDATA"' </dev/null | awk 'NR == 2 { printf "%.0f", $4 * 1024 }')
((room > size + size / 10)) || fail "backup: no backup was made: the comparison needs $size bytes in the database's volume, and $room are free."

# The dump and the count see the database at the same instant, even if rows are written meanwhile.
postgres psql -XqAt -v ON_ERROR_STOP=1 -d homeauto >"$partial" 2>"$partial.rows" <<END || fail "backup: no backup was made: the dump failed." "$(<"$partial.rows")"
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT pg_export_snapshot() AS snapshot \\gset
\\setenv SNAPSHOT :snapshot
\\! pg_dump --format=custom --snapshot="\$SNAPSHOT" homeauto
\\o /dev/stderr
$count_rows
END

postgres createdb "$scratch" </dev/null
postgres pg_restore --no-owner --no-acl --exit-on-error --dbname "$scratch" <"$partial"
restored=$(postgres psql -XqAt -v ON_ERROR_STOP=1 -d "$scratch" <<<"$count_rows")

if [[ -z $restored || $restored != "$(<"$partial.rows")" ]]; then
    fail "backup: no backup was made: the restored rows differ." "the database:" "$(<"$partial.rows")" "restored:" "$restored"
fi
mv "$partial" "$file"
printf 'backup: %s, %s bytes, restored and compared:\n%s\n' "$file" "$(stat -c %s "$file")" "$restored"
