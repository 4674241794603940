# Sourced by the scripts beside it: the repository as working directory, its own programs first on PATH.
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PWD/.venv/node/bin:$PWD/node_modules/.bin:$PATH"
export HARDHAT_DISABLE_TELEMETRY_PROMPT=true
export ETH_HASH_BACKEND=pysha3

# step NAME COMMAND...: a heading, the command, the time it took; a failure ends the script.
step() {
    step_name=$1
    shift
    printf '\n== %s\n' "$step_name"
    step_start=$(date +%s)
    "$@" || { printf -- '-- %s failed\n' "$step_name"; exit 1; }
    # pytest's own last line is to stay the last one.
    [ "$step_name" = pytest ] || printf -- '-- %s: %s s\n' "$step_name" $(($(date +%s) - step_start))
}
