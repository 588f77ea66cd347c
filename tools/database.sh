# What backup.sh and restore.sh have in common; they source it in the folder of docker-compose.yml.

# Without the lock of `begin`: a command goes on when the script that ran it is killed.
postgres() { docker compose exec -T postgres "$@" 9>&-; }

fail() { # one line per argument
    printf '%s\n' "$@" >&2
    exit 1
}

# begin NAME: makes sure that no other backup or restore runs, and then drops the databases that a
# killed one left behind, as it could not do that itself.
begin() {
    exec 9<.
    flock --nonblock 9 || fail "$1: another backup or restore is running."
    postgres psql -XqAt -v ON_ERROR_STOP=1 -d postgres <<'END'
SELECT format('DROP DATABASE IF EXISTS %I WITH (FORCE)', datname) FROM pg_database
WHERE datname ~ '^(backup_check_[0-9]+|restore_[0-9]{8}t[0-9]{6}z)$' \gexec
END
}

# drop DATABASE: drops it even if a program that was killed is still connected to it.
drop() {
    docker compose exec -T --env PGOPTIONS='-c client_min_messages=warning' postgres \
        dropdb --if-exists --force "$1" </dev/null 9>&-
}
