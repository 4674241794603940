# Sourced by the scripts beside it: the repository as working directory, its own programs first on PATH.
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PWD/.venv/node/bin:$PWD/node_modules/.bin:$PATH"
export HARDHAT_DISABLE_TELEMETRY_PROMPT=true
export ETH_HASH_BACKEND=pysha3
