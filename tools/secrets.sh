#!/bin/sh
# The system's secrets; this runs in the container of the service `secrets`:
#
#   docker compose run --rm secrets                     make the missing ones (each `up` does)
#   docker compose run --rm secrets show homeassistant  print an account: collector, recorder,
#                                                       homeassistant, homeauto, dashboard,
#                                                       page (the page's own password),
#                                                       grafana or grafana-admin
#   docker compose run --rm secrets renew NAME          make a new password for that account
#   docker compose run --rm -T secrets set NAME <FILE   take it from the first line of a file
#
# The volume at /secrets holds all of them, and no other service mounts it. Each service gets only
# what it needs, in its own volume. Plain POSIX sh: the broker's image has no other shell.
set -eu
umask 077

NAMES='collector recorder homeassistant homeauto dashboard page grafana grafana-admin health postgres share-group'
MOSQUITTO_UID=1883 POSTGRES_UID=999 GRAFANA_UID=472 OURS_UID=10001

fail() { echo "secrets: $*" >&2; exit 1; }

known() {
    for name in $NAMES; do [ "$name" != "${1:-}" ] || return 0; done
    fail "there is no account '${1:-}'; there are: $NAMES"
}

# write FILE OWNER: writes standard input to the file in one step; only its owner can read it.
write() {
    cat >"$1.new"
    chmod 400 "$1.new"
    chown "$2:$2" "$1.new"
    mv -f "$1.new" "$1"
}

make() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n' | write "/secrets/$1" 0; }

# give NAME FILE OWNER: gives a secret to the service that needs it.
give() { write "$2" "$3" <"/secrets/$1"; }

hand_out() {
    give collector /for/collector/mqtt-password $OURS_UID
    give recorder /for/recorder/mqtt-password $OURS_UID
    give share-group /for/recorder/share-group $OURS_UID
    give homeauto /for/recorder/pgpassword $OURS_UID
    give page /for/dashboard/page $OURS_UID
    give dashboard /for/dashboard/pgpassword $OURS_UID
    for name in postgres homeauto dashboard grafana; do
        give "$name" "/for/postgres/$name" $POSTGRES_UID
    done
    give grafana /for/grafana/pgpassword $GRAFANA_UID
    give grafana-admin /for/grafana/admin-password $GRAFANA_UID
}

# The broker's accounts; mosquitto_passwd replaces each password by its hash.
make_passwords() {
    for name in collector recorder homeassistant health; do
        printf '%s:%s\n' "$name" "$(cat "/secrets/$name")"
    done >/tmp/passwords
    mosquitto_passwd -U /tmp/passwords
    write /for/mosquitto/passwords $MOSQUITTO_UID </tmp/passwords
    # mosquitto_sub reads this by itself, so that the health check's command line shows no password.
    printf -- '-u health\n-P %s\n' "$(cat /secrets/health)" | write /for/mosquitto/mosquitto_sub $MOSQUITTO_UID
}

# Raises the limits in the broker's settings, as its memory allows.
limits() { sh /project/mosquitto/limits.sh "${MQTT_MEMORY:-128m}" || fail 'the broker got no limits'; }

# The listener behind the host's port, with TLS if there is a certificate.
make_listener() {
    certs=/project/certs
    mkdir -p -m 755 /for/mosquitto/listeners
    {
        printf 'listener 1884\nmax_connections 64\n'
        if [ -e $certs/server.crt ] && [ -e $certs/server.key ]; then
            echo 'certfile /mosquitto/config/server.crt'
            echo 'keyfile /mosquitto/config/server.key'
            write /for/mosquitto/server.crt $MOSQUITTO_UID <$certs/server.crt
            write /for/mosquitto/server.key $MOSQUITTO_UID <$certs/server.key
        elif [ -e $certs/server.crt ] || [ -e $certs/server.key ]; then
            fail 'TLS needs both, server.crt and server.key: see mosquitto/certs/README.md'
        fi
    } >/tmp/outside.conf
    limits </tmp/outside.conf >/tmp/limited.conf
    write /for/mosquitto/listeners/outside.conf $MOSQUITTO_UID </tmp/limited.conf
}

make_all() {
    for name in $NAMES; do
        [ -s "/secrets/$name" ] || make "$name"
        [ -s "/secrets/$name" ] || fail "$name could not be made" # never an empty password
    done
    hand_out
    make_passwords
    make_listener
    # Copies, so that the services can read them with any owner and modes of the checkout.
    limits </project/mosquitto/mosquitto.conf >/tmp/mosquitto.conf
    write /for/mosquitto/mosquitto.conf $MOSQUITTO_UID </tmp/mosquitto.conf
    write /for/mosquitto/acl $MOSQUITTO_UID </project/mosquitto/acl
    write /for/mosquitto/start.sh $MOSQUITTO_UID </project/mosquitto/start.sh
    write /for/postgres/roles.sql $POSTGRES_UID </project/postgres/roles.sql
    (cd /project/grafana && for file in provisioning/*/*.yml dashboards/*.json; do
        mkdir -p -m 755 /for/grafana/provisioning "/for/grafana/${file%/*}"
        write "/for/grafana/$file" $GRAFANA_UID <"$file"
    done)
    chown $POSTGRES_UID:$POSTGRES_UID /for/postgres-data # a new volume is root's
}

# The simulated battery must not write into the table of a real one. BATTERY_HOST is missing in a
# second clone of the project, which uses the same volumes, or where it was set by hand the first time.
keep_the_demo_out() {
    if [ "${BATTERY_HOST:-battery}" != battery ]; then
        printf %s "$BATTERY_HOST" | write /secrets/battery-host 0
    elif [ -s /secrets/battery-host ]; then
        fail "This system reads the battery at $(cat /secrets/battery-host), but BATTERY_HOST is not set. Write it into .env. For the demo, or for a second system, set COMPOSE_PROJECT_NAME and MQTT_PORT: see \"Two systems on one machine\" in docs/operations.md."
    fi
}

case ${1:-} in
    '')
        keep_the_demo_out
        make_all
        ;;
    show)
        known "${2:-}"
        make_all
        printf 'user:     %s\npassword: %s\n' "$2" "$(cat "/secrets/$2")"
        ;;
    renew)
        known "${2:-}"
        make "$2"
        make_all
        ;;
    set)
        known "${2:-}"
        # Without what an editor of Windows adds: a byte order mark, a CR.
        IFS= read -r secret || : # the last line may lack its end
        secret=${secret#"$(printf '\357\273\277')"} secret=${secret%"$(printf '\r')"}
        [ -n "$secret" ] || fail "no password came in: docker compose run --rm -T secrets set $2 <FILE"
        case $secret in
            *:*) [ "$2" = homeauto ] || [ "$2" = grafana ] || fail 'mosquitto_passwd cuts a password at a colon: choose one without a colon' ;;
        esac
        printf %s "$secret" | write "/secrets/$2" 0
        make_all
        ;;
    *) fail "'$1' is none of show, renew and set; see the top of tools/secrets.sh" ;;
esac
