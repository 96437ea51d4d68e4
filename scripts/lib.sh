# What the scripts share: the repository root, the tools' PATH, and the wish for plain errors.
# Source it: . "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
set -euo pipefail

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$ROOT"

# The native forge, anvil and cast: the npm shims in node_modules/.bin exit 0 whatever happens.
export PATH="$ROOT/.venv/bin:$ROOT/.tool/bin:$PATH"
# Where py-solc-x looks for compilers; ours is named solc-v<version> there.
export SOLCX_BINARY_PATH="$ROOT/.tool/solcx"

die() {
  printf 'penstock: %s\n' "$1" >&2
  shift
  [ $# -eq 0 ] || printf '  %s\n' "$@" >&2
  exit 1
}

say() { printf '%s\n' "$*" >&2; }

# Seconds with one digit since $1, a value of now_ms.
now_ms() { printf '%s' "$((${EPOCHREALTIME/[.,]/} / 1000))"; }
elapsed() {
  local ms=$(($(now_ms) - $1))
  printf '%d.%d s' $((ms / 1000)) $((ms % 1000 / 100))
}

REPORTS=reports
FAILED=$REPORTS/failed

begin_steps() {
  mkdir -p "$REPORTS"
  rm -f "$FAILED" "$REPORTS"/*.xml "$REPORTS"/*.log
}

# step <name> <command>...: run it with its output in a log; one line tells how it went, and the log follows a failure.
step() {
  local name=$1 log=$REPORTS/$1.log started
  shift
  started=$(now_ms)
  if "$@" >"$log" 2>&1; then
    printf 'ok    %-16s %s\n' "$name" "$(elapsed "$started")"
  else
    # One printf, so that the output of steps that run at the same time does not mix.
    printf 'FAIL  %-16s %s\n%s\n' "$name" "$(elapsed "$started")" "$(sed 's/^/      /' "$log")"
    printf '%s\n' "$name" >>"$FAILED"
  fi
}

# end_steps <what>: the verdict over all steps.
end_steps() {
  if [ -s "$FAILED" ]; then
    die "$1 failed: $(paste -sd ' ' "$FAILED")"
  fi
}
