#!/usr/bin/env bash
# Writes the collectors of more batteries than one into docker-compose.override.yml:
#
#   tools/batteries.sh garage=192.168.1.51 barn=192.168.1.52:9001
#   docker compose up -d
#
# The battery of .env stays as it is, and is not named here. Each name is for good: its outbox is
# called after it. For another battery give all of them once more, with the new one. A file that this
# did not make is left alone: --print prints the lines instead, to be put into it.
set -euo pipefail
cd "$(dirname "$0")/.."
file=docker-compose.override.yml made='# Made by: tools/batteries.sh'

fail() { echo "batteries: $*" >&2; exit 1; }

# setting NAME: what .env says of it, if there is one.
setting() { [[ ! -e .env ]] || sed -n "s/^ *$1=//p" .env | tail -n 1 | tr -d "\"' "; }

just_print=
[[ ${1:-} != --print ]] || { just_print=1; shift; }
(($#)) || fail "name the batteries: tools/batteries.sh garage=192.168.1.51 barn=192.168.1.52"
name_pattern='^[a-z0-9][a-z0-9-]*$' host_pattern='^[A-Za-z0-9._-]+$' port_pattern='^[0-9]{1,5}$'
declare -A seen=()
first=$(setting BATTERY_HOST) first_port=$(setting BATTERY_PORT)
[[ -z $first ]] || seen["${first,,}:${first_port:-9000}"]="the battery of .env"
text="$made $*"$'\nservices:'
for battery; do
    [[ $battery == *=* ]] || fail "'$battery' is not of the form name=address"
    name=${battery%%=*} address=${battery#*=}
    host=${address%%:*} port=9000
    [[ $address != *:* ]] || port=${address#*:}
    [[ $name =~ $name_pattern ]] || fail "'$name' is no name: small letters, digits and dashes"
    [[ $name != outbox ]] || fail "'outbox' is the name of the first battery's outbox"
    [[ $host =~ $host_pattern ]] || fail "'$host' is neither an IPv4 address nor a host name"
    [[ $port =~ $port_pattern ]] && ((10#$port > 0 && 10#$port < 65536)) || fail "'$port' is not a port"
    port=$((10#$port))
    # Two collectors of one battery would only be in each other's way.
    [[ -z ${seen["${host,,}:$port"]:-} ]] || fail "$host:$port is ${seen["${host,,}:$port"]} already"
    [[ -z ${seen[$name]:-} ]] || fail "the name $name comes twice"
    seen["${host,,}:$port"]="the battery $name" seen[$name]=1
    text+=$'\n'"  collector-$name:
    extends: {file: docker-compose.yml, service: collector}
    environment: {BATTERY_HOST: '$host', BATTERY_PORT: '$port', OUTBOX_PATH: /data/$name.sqlite}"
done

if [[ $just_print ]]; then
    printf '%s\n' "$text"
    exit
fi
if [[ -e $file && $(head -n 1 "$file") != "$made"* ]]; then
    fail "$file has settings of yours: put into it what tools/batteries.sh --print $* prints"
fi
printf '%s\n' "$text" >"$file.new"
mv "$file.new" "$file"
echo "$file has $# more collectors. Now: docker compose up -d"
