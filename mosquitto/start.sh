#!/bin/sh
# Starts the broker; this runs in the container of the service `mosquitto`.
#
# A power cut can leave a mosquitto.db of zero bytes or cut short, and the broker refuses to start
# with such a file: it would be restarted for ever. So a broker first tries to read the file, and a
# file that it cannot read is set aside. Plain POSIX sh: the broker's image has no other shell.
set -u

saved=/mosquitto/data/mosquitto.db
scratch=/mosquitto/log # a tmpfs, without a mosquitto.db

# can_start FOLDER: tells whether a broker starts with what is saved in the folder. Nothing but that
# file can keep it from starting, and it is killed before it writes anything.
can_start() {
    printf '%s\n' 'listener 1889 127.0.0.1' 'persistence true' "persistence_location $1/" \
        'log_dest stderr' 'log_type all' >$scratch/try.conf
    mosquitto -c $scratch/try.conf 2>$scratch/try.log &
    broker=$!
    tenths=200 # it takes a second at most; what still runs after twenty has read the file
    # A process that has ended has no "exe" any more.
    while [ -e /proc/$broker/exe ] && [ $tenths -gt 0 ]; do
        ! grep -q ' running$' $scratch/try.log || break
        sleep 0.1
        tenths=$((tenths - 1))
    done
    [ -e /proc/$broker/exe ]
    runs=$?
    kill -9 $broker
    wait $broker
    return $runs
} 2>/dev/null

if [ -e $saved ] && ! can_start /mosquitto/data; then
    said=$(grep -i error $scratch/try.log)
    aside=$saved.damaged-$(date -u +%Y%m%dT%H%M%SZ)
    if can_start $scratch && mv $saved "$aside"; then
        cat >&2 <<END
ERROR: The broker cannot read $saved, as happens after a power cut:
$said
ERROR: The file is now $aside, and the broker starts without it.
ERROR: What it retained comes again from the collectors and from Home Assistant; messages that
ERROR: waited for a client that was away are lost. No snapshot is: they wait in the collectors.
END
    fi
fi

exec mosquitto -c /mosquitto/config/mosquitto.conf
