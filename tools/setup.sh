#!/usr/bin/env bash
# The steps behind "make setup". Each does nothing when there is nothing to do.
#
#   tools/setup.sh packages   make .venv and install what the lock file names, then our own five
#   tools/setup.sh broker     find Mosquitto; as root on Debian, install it without its service
#   tools/setup.sh pooler     find PgBouncer, which some tests need; as root on Debian, install it likewise
#   tools/setup.sh browser    find Chromium, for the tests of the page; as root on Debian, install it
#   tools/setup.sh proxy      find nginx, which some of them need; as root on Debian, install it likewise
#   tools/setup.sh uv         the resolver for "make lock", in an environment of its own
set -euo pipefail
cd "$(dirname "$0")/.."

UV_VERSION=0.13.9

say() { echo "$*"; }

fail() { # one line per argument
    printf '%s\n' "$@" >&2
    exit 1
}

quietly() { # run a command; show its output only if it fails
    local log
    log=$(mktemp)
    if ! "$@" >"$log" 2>&1 </dev/null; then
        tail -n 30 "$log" >&2
        rm -f "$log"
        return 1
    fi
    rm -f "$log"
}

is_recent() { # is this Python 3.11 or newer?
    [[ $("$1" -c 'import sys; print(sys.version_info >= (3, 11))' 2>/dev/null) == True ]]
}

choose_python() {
    local candidate
    if [[ -n ${PYTHON:-} ]]; then
        is_recent "$PYTHON" || fail "PYTHON=$PYTHON is not a Python of version 3.11 or newer."
        echo "$PYTHON"
        return
    fi
    for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
        if is_recent "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    fail "No Python of version 3.11 or newer was found." \
        "Install one, or name it: make setup PYTHON=/path/to/python3"
}

can_install() { # may this script install Debian packages?
    [[ $EUID -eq 0 ]] && command -v apt-get >/dev/null
}

apt_install() {
    export DEBIAN_FRONTEND=noninteractive
    quietly apt-get update || say "The list of Debian packages could not be renewed; trying the old one."
    quietly apt-get install --yes --no-install-recommends "$@" \
        || fail "Installing $* failed (see above)."
}

make_environment() { # folder
    local python package
    python=$(choose_python)
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        # Debian keeps this part of Python in a package of its own.
        package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
        can_install || fail "$python cannot make virtual environments. On Debian, run:" \
            "  sudo apt-get install $package" "then run make again."
        say "Installing Debian's $package, which Python needs for virtual environments …"
        apt_install "$package"
    fi
    say "Making the virtual environment $1 with $("$python" --version) …"
    # --clear replaces an unfinished environment, and one whose Python is gone.
    quietly "$python" -m venv --clear "$1" || fail "Making $1 failed (see above)."
}

install_packages() {
    # Two calls of make at the same time must not install into one environment.
    exec 9<.
    flock 9
    .venv/bin/python -m pip --version >/dev/null 2>&1 || make_environment .venv
    if [[ -e .venv/.ready ]]; then
        say "Bringing .venv up to date …"
    else
        say "Downloading and installing the locked packages (about 140 MB) …"
    fi
    quietly .venv/bin/python -m pip install --disable-pip-version-check --require-hashes \
        --only-binary :all: -r tests/requirements.txt \
        || fail "Installing the packages of tests/requirements.txt failed (see above)."
    quietly .venv/bin/python -m pip install --disable-pip-version-check --no-deps \
        --no-build-isolation -e ./shared -e ./collector -e ./recorder -e ./dashboard -e ./tools \
        || fail "Installing shared, collector, recorder, dashboard and tools failed (see above)."
    touch .venv/.ready
}

leave_services_off() { # run a command, and let Debian start no service that it installs
    local policy=/usr/sbin/policy-rc.d
    if [[ -e $policy ]]; then # a container's own, with the same effect
        "$@"
        return
    fi
    # 101 is Debian's answer for "not allowed".
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    chmod 755 "$policy"
    "$@"
    rm -f "$policy"
    trap - EXIT
}

find_broker() {
    local PATH="$PATH:/usr/sbin:/usr/local/sbin"
    command -v mosquitto >/dev/null && return
    can_install || fail "Mosquitto, the MQTT broker, was not found. The demo and the tests need it. On Debian, run:" \
        "  sudo apt-get install mosquitto" \
        "  sudo systemctl disable --now mosquitto    # you need only the program, not the service" \
        "then run make again."
    say "Installing Debian's mosquitto, the MQTT broker (its system service stays off) …"
    install_without_service mosquitto
    command -v mosquitto >/dev/null || fail "mosquitto was installed and yet cannot be found."
}

install_without_service() { # package, and its service if that has another name
    leave_services_off apt_install "$1"
    # The service must not start at the next boot either: its port stays free.
    if command -v update-rc.d >/dev/null; then
        quietly update-rc.d "${2:-$1}" disable || true
    fi
}

find_pooler() { # without it some tests are skipped, and say so
    local PATH="$PATH:/usr/sbin:/usr/local/sbin"
    command -v pgbouncer >/dev/null && return
    if ! can_install; then
        say "PgBouncer was not found: its tests will be skipped. On Debian: sudo apt-get install pgbouncer"
        return
    fi
    say "Installing Debian's pgbouncer, for the tests (its system service stays off) …"
    install_without_service pgbouncer
}

find_browser() { # without it these tests are skipped, and say so
    command -v chromium >/dev/null && return
    if ! can_install; then
        say "Chromium was not found: the tests of the page will be skipped. On Debian: sudo apt-get install chromium"
        return
    fi
    say "Installing Debian's chromium, for the tests of the page …"
    apt_install chromium
}

find_proxy() { # without it some tests are skipped, and say so
    local PATH="$PATH:/usr/sbin:/usr/local/sbin"
    command -v nginx >/dev/null && return
    if ! can_install; then
        say "nginx was not found: its tests will be skipped. On Debian: sudo apt-get install nginx-light"
        return
    fi
    say "Installing Debian's nginx-light, for the tests of the page (its system service stays off) …"
    install_without_service nginx-light nginx
}

install_uv() {
    make_environment .venv-lock
    quietly .venv-lock/bin/python -m pip install --disable-pip-version-check "uv==$UV_VERSION" \
        || fail "Installing uv failed (see above)."
}

case ${1:-} in
    packages) install_packages ;;
    broker) find_broker ;;
    pooler) find_pooler ;;
    browser) find_browser ;;
    proxy) find_proxy ;;
    uv) install_uv ;;
    *) fail "usage: tools/setup.sh packages|broker|pooler|browser|proxy|uv" ;;
esac
