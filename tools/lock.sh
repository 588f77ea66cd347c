#!/usr/bin/env bash
# Writes the four lock files, which hold only versions and hashes.
#
# The tests' lock file comes first and constrains the others, so that the tests run
# with the same versions as the images. "--universal" keeps the files valid for
# Python 3.11 to 3.14 on amd64 and arm64: a line that only some of them need has a marker.
set -euo pipefail
cd "$(dirname "$0")/.."

uv=${UV:-.venv-lock/bin/uv}
options=(
    --universal --python-version 3.11 --upgrade --generate-hashes
    --no-config --no-emit-index-url --no-emit-find-links --no-annotate --quiet
    --custom-compile-command "make lock"
)

compile() { # output, inputs …
    local output=$1
    shift
    # The five distributions are folders here: they have no hash, and are installed on their own.
    "$uv" pip compile "${options[@]}" \
        --no-emit-package bluenova-shared --no-emit-package bluenova-collector \
        --no-emit-package bluenova-recorder --no-emit-package bluenova-dashboard \
        --no-emit-package bluenova-tools \
        --output-file "$output" "$@" >/dev/null
    # Removes uv's remark on the packages that it was told not to write.
    sed -i '/^# The following packages were excluded/,$d' "$output"
    echo "wrote $output: $(grep -c '==' "$output") packages"
}

compile tests/requirements.txt tests/requirements.in {shared,collector,recorder,dashboard,tools}/pyproject.toml
compile collector/requirements.txt --constraints tests/requirements.txt collector/pyproject.toml
compile recorder/requirements.txt --constraints tests/requirements.txt recorder/pyproject.toml
compile dashboard/requirements.txt --constraints tests/requirements.txt dashboard/pyproject.toml

if grep -HnE '://|--(extra-)?index-url|--find-links|@ ' {tests,collector,recorder,dashboard}/requirements.txt; then
    echo "A lock file names a place to download from; it must hold versions and hashes only." >&2
    exit 1
fi
