#!/usr/bin/env bash
# A sweep under the real mpirun: 1, 2 and 4 ranks give the same numbers as one process; a rank killed with SIGKILL
# (Open MPI then ends the others) costs no finished point, and another number of ranks finishes.
#   mpi_test.sh OPOLOOP PYTHON
set -euo pipefail
opoloop="$(realpath "$1")"
python="$2"
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
if ! command -v mpirun >/dev/null; then
  echo "mpi tests skipped: no mpirun (Debian: openmpi-bin)"
  exit 0
fi
folder="$(mktemp -d)"
mpirun_process=""
finish() {
  if [ -n "$mpirun_process" ]; then kill "$mpirun_process" 2>/dev/null || true; fi
  rm -rf "$folder"
}
trap finish EXIT
cd "$folder"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fail() { echo "FAILED: $*"; exit 1; }
ranks() { mpirun --oversubscribe -n "$@"; }

# The file that is not there fails: shards are kept, to be looked at, and the exit code is 1.
write_config() {
  cat >"$1" <<TOML
[[instances]]
generate = "sk"
n = 10
count = $2
[[instances]]
files = "missing.txt"
[[devices]]
uri = "annealing:"
runs = 20
steps = $3
TOML
}
write_config quick.toml 29 20

code=0
"$opoloop" experiment sweep quick.toml --out one.h5 >one.txt 2>one.err || code=$?
[ "$code" -eq 1 ] || fail "exit code $code of one process"
for k in 1 2 4; do
  code=0
  ranks "$k" "$opoloop" experiment sweep quick.toml --out "ranks$k.h5" >"ranks$k.txt" 2>"ranks$k.err" || code=$?
  [ "$code" -eq 1 ] || { cat "ranks$k.err"; fail "exit code $code of $k ranks"; }
  [ "$(find "ranks$k.h5.parts" -name 'shard-*' | wc -l)" -eq "$k" ] || fail "not $k shards"
  "$python" "$here/check_points.py" once "ranks$k.h5.parts" 30
  # One rank tells the result, the same as one process does.
  grep -v '^points:' "ranks$k.txt" | diff - <(grep -v '^points:' one.txt) || fail "$k ranks print something else"
done
grep -q 'share 4 of 4 (Open MPI)' ranks4.err || fail "shares are not named"
"$python" "$here/check_points.py" same one.h5 ranks1.h5 ranks2.h5 ranks4.h5

# Some 100 ms a point: the ranks must not be done before the kill, which takes a moment to find its process.
write_config slow.toml 39 100000
"$opoloop" experiment sweep slow.toml --out whole.h5 >/dev/null 2>&1 || true
mpirun --oversubscribe -n 4 "$opoloop" experiment sweep slow.toml --out killed.h5 --threads 1 >/dev/null 2>killed.err &
mpirun_process=$!
lines() { cat killed.h5.parts/shard-*.jsonl 2>/dev/null | wc -l; }
tries=0
until [ "$(lines)" -ge 12 ]; do
  tries=$((tries + 1))
  if [ "$tries" -gt 2000 ]; then cat killed.err; fail "the ranks do not begin"; fi
  sleep 0.01
done
victim="$(ps -o pid=,args= --ppid "$mpirun_process" | awk '/experiment sweep/ { p = $1 } END { print p }')"
[ -n "$victim" ] || fail "no rank to kill"
kill -KILL "$victim"
code=0
wait "$mpirun_process" || code=$?
mpirun_process=""
[ "$code" -ne 0 ] || fail "mpirun does not mind a killed rank"
before="$(lines)"
[ "$before" -lt 44 ] || fail "all points were measured before the kill"
code=0
ranks 2 "$opoloop" experiment sweep slow.toml --resume killed.h5 >resumed.txt 2>resumed.err || code=$?
[ "$code" -eq 1 ] || { cat resumed.err; fail "exit code $code of the resumed run"; }
"$python" "$here/check_points.py" once killed.h5.parts 40
"$python" "$here/check_points.py" same whole.h5 killed.h5
echo "mpi tests passed: 1, 2 and 4 ranks; killed with $((before - 4)) of 40 points, resumed with 2 ranks"
