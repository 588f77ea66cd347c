#!/bin/sh
# Raises the broker's limits for its memory: `sh limits.sh 1g <mosquitto.conf` prints the settings
# with the limits of a broker of 1 GiB. MQTT_MEMORY is the only setting for that.
#
# A battery takes about 60 KiB of the broker: what is retained of it (25 KB for Home Assistant), its
# collector's connection, and its place in the queue to a recorder. So each MiB above the 128 of a
# home gives room for twelve more. Plain POSIX sh: the broker's image has no other shell.
set -eu

case "${1:-}" in
    *[!0-9]*[mg] | [mg]) mib=0 ;;
    *m) mib=${1%m} ;;
    *g) mib=$((${1%g} * 1024)) ;;
    *) mib=0 ;;
esac
if [ "$mib" -lt 128 ]; then
    echo "MQTT_MEMORY is '${1:-}': it must be 128m or more, or a number of gigabytes like 1g" >&2
    exit 1
fi

more=$(((mib - 128) * 12))
sed -e "s/^max_connections .*/max_connections $((64 + more))/" \
    -e "s/^max_queued_messages .*/max_queued_messages $((1000 + more))/" \
    -e "s/^max_queued_bytes .*/max_queued_bytes $((mib * 65536))/" \
    -e "s/^memory_limit .*/memory_limit $((mib * 786432))/"
