#!/usr/bin/env bash
# A sweep under a real Slurm of one node (slurm_node.sh): the shipped scripts as a job array and as a job of four
# tasks, and what Slurm's variables mean to a process that srun did not start.
#   slurm_test.sh OPOLOOP PYTHON
set -euo pipefail
opoloop="$(realpath "$1")"
python="$2"
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source-path=SCRIPTDIR
source "$here/slurm_node.sh"
missing="$(slurm_missing)"
if [ -n "$missing" ]; then
  echo "slurm tests skipped: $missing"
  exit 0
fi
PATH="$PATH:/usr/sbin"
folder="$(mktemp -d)"
finish() {
  slurm_stop
  rm -rf "$folder"
}
trap finish EXIT
fail() { echo "FAILED: $*"; tail -n 20 "$folder"/*.out 2>/dev/null; exit 1; }
slurm_start "$folder/slurm" || fail "Slurm does not come up"
cd "$folder"
PATH="$(dirname "$opoloop"):$PATH"  # the scripts say `opoloop`
cat >sweep.toml <<'TOML'
[[instances]]
generate = "sk"
n = 10
count = 23
[[devices]]
uri = "annealing:"
runs = 20
steps = 20
TOML
opoloop experiment sweep sweep.toml --out one.h5 >/dev/null

# All jobs at once; --wait gives the largest exit code of a job's tasks.
processes=()
names=()
begin() {
  names+=("$1")
  shift
  "$@" &
  processes+=($!)
}
submit() { sbatch --wait --quiet "$@"; }
# The two shipped scripts.
begin "the job array" submit --array=1-3 "$here/../../examples/slurm/array.sbatch" sweep.toml array.h5
begin "the job of four tasks" submit --ntasks=4 "$here/../../examples/slurm/tasks.sbatch" sweep.toml tasks.h5
# Not started by srun, though the job has four tasks: alone, takes everything, says so.
begin "the batch script" submit --ntasks=4 --output=batch.out --wrap "opoloop experiment sweep sweep.toml --out batch.h5"
# Submitted from a task of srun, whose variables it inherits: still alone.
# shellcheck disable=SC2016  # for the shell of the task
begin "the nested job" srun --ntasks=2 bash -c 'if [ "$SLURM_PROCID" = 0 ]; then
  sbatch --wait --quiet --output=nested.out --wrap "opoloop experiment sweep sweep.toml --out nested.h5"; fi'
for i in "${!processes[@]}"; do
  wait "${processes[$i]}" || fail "${names[$i]}"
done
if [ ! -f array.h5 ] || [ -e array.h5.parts ]; then fail "nobody merged the array"; fi
grep -q 'share 4 of 4 (Slurm)' ./*.out || fail "srun's tasks did not share the points"
grep -q 'takes all points: not started by srun' batch.out || fail "does not say that it takes all points"
"$python" "$here/check_points.py" same one.h5 array.h5 tasks.h5 batch.h5 nested.h5
echo "slurm tests passed: job array of 3, 4 tasks of srun, batch script, nested batch script"
