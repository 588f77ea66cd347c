#!/usr/bin/env bash
# What `make test-ha` needs: a real Home Assistant, in an environment of its own.
#
#   tests/homeassistant/setup.sh          make .venv-ha from requirements.txt (some minutes, 700 MB)
#   tests/homeassistant/setup.sh find     print the Python to use; fail where there is none
#   tests/homeassistant/setup.sh lock     write requirements.txt anew from requirements.in
#
# The Home Assistant that requirements.in names is the oldest that is supported. It runs on
# Python 3.13 only. HA_PYTHON=/path/to/python3.13 names one that is not found.
set -euo pipefail
cd "$(dirname "$0")/../.."

here=tests/homeassistant

is_313() {
    [[ $("$1" -c 'import sys, venv; print(sys.version_info[:2] == (3, 13))' 2>/dev/null) == True ]]
}

find_python() {
    local candidate
    for candidate in "${HA_PYTHON:-}" python3 python3.13 ~/.pyenv/versions/3.13*/bin/python3.13; do
        if [[ -n $candidate ]] && is_313 "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    echo "No Python 3.13 was found, which Home Assistant needs. Install one, or name it:" \
        "make test-ha HA_PYTHON=/path/to/python3.13" >&2
    return 1
}

install() {
    local python
    exec 9<.
    flock 9
    if [[ -e .venv-ha/.ready && ! $here/requirements.txt -nt .venv-ha/.ready ]]; then
        return
    fi
    python=$(find_python)
    echo "Installing Home Assistant into .venv-ha (some minutes) …"
    "$python" -m venv --clear .venv-ha
    # The lock file is complete: looking for further dependencies would only take time.
    .venv-ha/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
        --no-deps -r $here/requirements.txt
    touch .venv-ha/.ready
}

lock() {
    [[ -x .venv-lock/bin/uv ]] || tools/setup.sh uv
    .venv-lock/bin/uv pip compile --python-version 3.13 --generate-hashes --no-config \
        --no-emit-index-url --no-emit-find-links --no-annotate --quiet --upgrade \
        --custom-compile-command "$0 lock" --output-file $here/requirements.txt \
        $here/requirements.in >/dev/null
}

case ${1:-install} in
    install) install ;;
    find) find_python ;;
    lock) lock ;;
    *) echo "usage: $0 [find|lock]" >&2; exit 2 ;;
esac
