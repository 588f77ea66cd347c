#!/usr/bin/env bash
# What `make test-brokers` needs beside Mosquitto: brokers from the package registries, in .brokers/.
#
#   tests/brokers/setup.sh               make all: mochi, hivemq, rumqttd, rmqtt
#   tests/brokers/setup.sh mochi hivemq  make these, which takes a minute or two
#
# What cannot be made here is no failure: .brokers/NAME.why says why, and its test is skipped with that.
set -euo pipefail
cd "$(dirname "$0")/../.."

here=$PWD/tests/brokers
made=$PWD/.brokers
mkdir -p "$made"
exec 9<"$made"
flock 9

because() { # the reason, for the test's skip
    echo "$2" >"$made/$1.why"
    echo "$1 cannot be had: $2"
}

needs() { # broker program what-for
    command -v "$2" >/dev/null && return
    because "$1" "$2 was not found, which $3"
    return 1
}

build() { # broker command …: with low priority, as others may be at work on this machine
    local name=$1
    shift
    echo "Making $name in .brokers/ …"
    rm -f "$made/$name/.ready"
    if nice -n 19 "$@" >"$made/$name.log" 2>&1 </dev/null; then
        rm -f "$made/$name.why"
        touch "$made/$name/.ready"
    else
        tail -n 10 "$made/$name.log" >&2
        because "$name" "it could not be built (.brokers/$name.log)"
    fi
}

is_made() { # broker source …
    local name=$1 source
    shift
    for source in "$@" "$0"; do
        [[ -e $made/$name/.ready && ! $source -nt $made/$name/.ready ]] || return
    done
}

make_mochi() {
    is_made mochi "$here"/mochi/* && return
    needs mochi go "builds it" || return 0
    mkdir -p "$made/mochi"
    build mochi go build -C "$here/mochi" -p 1 -o "$made/mochi/mochi" .
}

make_hivemq() {
    is_made hivemq "$here"/hivemq/* && return
    needs hivemq mvn "fetches it" || return 0
    needs hivemq javac "compiles its start" || return 0
    mkdir -p "$made/hivemq"
    build hivemq bash -euc '
        mvn --quiet --batch-mode --file "$0/pom.xml" \
            org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
            -DincludeScope=runtime "-DoutputDirectory=$1/lib"
        javac -cp "$1/lib/*" -d "$1" "$0/Start.java"' "$here/hivemq" "$made/hivemq"
}

cargo_install() { # broker argument …: with one job, which takes six to ten minutes
    local name=$1
    shift
    needs "$name" cargo "builds it" || return 0
    build "$name" cargo install --force --jobs 1 --root "$made/$name" --target-dir "$made/$name/target" "$@"
    rm -rf "$made/$name/target"
}

make_rumqttd() {
    is_made rumqttd && return
    mkdir -p "$made/rumqttd"
    # Quickly built, not quick. Not --locked: its lock file names a version of metrics that Rust 1.95
    # does not compile.
    CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off \
        cargo_install rumqttd rumqttd@0.20.0
}

make_rmqtt() {
    is_made rmqtt "$here"/rmqtt/* "$here"/rmqtt/src/* && return
    mkdir -p "$made/rmqtt"
    # A copy: cargo writes its lock file beside the source.
    rm -rf "$made/rmqtt/source"
    cp -r "$here/rmqtt" "$made/rmqtt/source"
    cargo_install rmqtt --path "$made/rmqtt/source"
}

for name in "${@:-}"; do
    case $name in
        "") make_mochi; make_hivemq; make_rumqttd; make_rmqtt ;;
        mochi | hivemq | rumqttd | rmqtt) "make_$name" ;;
        *) echo "usage: $0 [mochi|hivemq|rumqttd|rmqtt …]" >&2; exit 2 ;;
    esac
done
