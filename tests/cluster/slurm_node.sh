# shellcheck shell=bash
# A Slurm of one node for tests: everything in one temporary folder, on ports of its own, touching neither /etc
# nor a Slurm that may run here already. Source it; slurm_start FOLDER starts, slurm_stop ends. Needs root
# (slurmd starts tasks) and Debian's slurm-wlm and munge.

# Why it cannot run here; empty where it can.
slurm_missing() {
  local program
  if [ "$(id -u)" -ne 0 ]; then
    echo "slurmd needs root"
    return 0
  fi
  PATH="$PATH:/usr/sbin"
  for program in slurmctld slurmd sbatch srun munged; do
    if ! command -v "$program" >/dev/null; then
      echo "no $program (Debian: slurm-wlm munge)"
      return 0
    fi
  done
}

slurm_pids=()
slurm_folder=""

# A port nobody listens on now.
free_port() {
  /usr/bin/python3 -c 'import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

slurm_start() {
  slurm_folder="$1"
  mkdir -p "$slurm_folder"/{state,spool,munge}
  chmod 700 "$slurm_folder/munge"
  head -c 1024 /dev/urandom >"$slurm_folder/munge/key"
  chmod 600 "$slurm_folder/munge/key"
  munged --foreground --force --num-threads=1 --key-file="$slurm_folder/munge/key" --socket="$slurm_folder/munge/socket" \
    --pid-file="$slurm_folder/munge/pid" --log-file="$slurm_folder/munge/log" --seed-file="$slurm_folder/munge/seed" \
    >"$slurm_folder/munged.out" 2>&1 &
  slurm_pids+=($!)
  local name
  name="$(hostname -s)"
  cat >"$slurm_folder/slurm.conf" <<CONF
ClusterName=opoloop
SlurmctldHost=$name(127.0.0.1)
SlurmUser=root
AuthInfo=socket=$slurm_folder/munge/socket
SlurmctldPort=$(free_port)
SlurmdPort=$(free_port)
StateSaveLocation=$slurm_folder/state
SlurmdSpoolDir=$slurm_folder/spool
SlurmctldPidFile=$slurm_folder/slurmctld.pid
SlurmdPidFile=$slurm_folder/slurmd.pid
SlurmctldLogFile=$slurm_folder/slurmctld.log
SlurmdLogFile=$slurm_folder/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=1
KillWait=2
MpiDefault=none
NodeName=$name NodeAddr=127.0.0.1 CPUs=16
PartitionName=test Nodes=ALL Default=YES State=UP
CONF
  export SLURM_CONF="$slurm_folder/slurm.conf"
  slurm_wait "munge's socket" test -S "$slurm_folder/munge/socket" || return 1
  slurmctld -D >"$slurm_folder/slurmctld.out" 2>&1 &
  slurm_pids+=($!)
  slurmd -D >"$slurm_folder/slurmd.out" 2>&1 &
  slurm_pids+=($!)
  slurm_wait "an idle node" slurm_idle || return 1
}

slurm_idle() { [ "$(sinfo --noheader --format=%T 2>/dev/null)" = idle ]; }

# slurm_wait WHAT COMMAND...: until the command succeeds, 20 seconds at most.
slurm_wait() {
  local what="$1" tries=0
  shift
  until "$@"; do
    tries=$((tries + 1))
    if [ "$tries" -gt 200 ]; then
      echo "slurm: waited in vain for $what" >&2
      tail -5 "$slurm_folder"/*.log "$slurm_folder"/*.out >&2
      return 1
    fi
    sleep 0.1
  done
}

slurm_stop() {
  local i
  if [ "${#slurm_pids[@]}" -eq 0 ]; then
    return 0
  fi
  scancel --user="$(id -un)" >/dev/null 2>&1 || true
  # The node first, munge last.
  for ((i = ${#slurm_pids[@]} - 1; i >= 0; --i)); do
    kill "${slurm_pids[$i]}" 2>/dev/null || true
    wait "${slurm_pids[$i]}" 2>/dev/null || true
  done
  slurm_pids=()
}
