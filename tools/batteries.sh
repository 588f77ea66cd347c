#!/usr/bin/env bash
# Prints the collectors of more batteries than one, for docker-compose.override.yml:
#
#   tools/batteries.sh garage=192.168.1.51 barn=192.168.1.52:9001 >docker-compose.override.yml
#   docker compose up -d
#
# The battery of .env stays as it is. Each name is for good: its outbox is called after it. For
# another battery give all of them once more, with the new one.
set -euo pipefail

fail() { echo "batteries: $*" >&2; exit 1; }

name_pattern='^[a-z0-9][a-z0-9-]*$' host_pattern='^[A-Za-z0-9._-]+$' port_pattern='^[0-9]{1,5}$'
(($#)) || fail "name the batteries: tools/batteries.sh garage=192.168.1.51 barn=192.168.1.52"
declare -A seen=()
text="# Made by: tools/batteries.sh $*"$'\nservices:'
for battery; do
    [[ $battery == *=* ]] || fail "'$battery' is not of the form name=address"
    name=${battery%%=*} address=${battery#*=}
    host=${address%%:*} port=
    [[ $address != *:* ]] || port=${address#*:}
    [[ $name =~ $name_pattern ]] || fail "'$name' is no name: small letters, digits and dashes"
    [[ $name != outbox ]] || fail "'outbox' is the name of the first battery's outbox"
    [[ $host =~ $host_pattern ]] || fail "'$host' is neither an IPv4 address nor a host name"
    [[ -z $port || $port =~ $port_pattern ]] || fail "'$port' is not a port"
    [[ $address != *: ]] || fail "there is no port behind '$address'"
    # Two collectors of one battery would only be in each other's way.
    for key in "name $name" "address $host:${port:-9000}"; do
        [[ -z ${seen[$key]:-} ]] || fail "the $key comes twice"
        seen[$key]=1
    done
    text+=$'\n'"  collector-$name:
    extends: {file: docker-compose.yml, service: collector}
    environment: {BATTERY_HOST: '$host', ${port:+BATTERY_PORT: '$port', }OUTBOX_PATH: /data/$name.sqlite}"
done
printf '%s\n' "$text"
