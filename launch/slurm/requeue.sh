# shellcheck shell=bash
# Sourced by the batch scripts beside it.

# Runs the ranks' launcher, hands signals on to it as SIGUSR1, which lets the ranks save and end with 75, and returns its exit code.
# After SIGUSR1 - Slurm's notice before the time limit, or yours - or when the ranks saved by themselves, the job goes back into the
# queue, and its next start goes on from the checkpoint. After SIGTERM (scancel, pre-emption) it does not: Slurm decides.
run_and_requeue() { # COMMAND...
  local job=$SLURM_JOB_ID code=127 status child interrupted=1 ended_by_slurm=0
  [ -z "${SLURM_ARRAY_JOB_ID:-}" ] || job=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID
  echo "job $job on $SLURM_JOB_NODELIST, start $((${SLURM_RESTART_COUNT:-0} + 1)): $*"
  "$@" &
  child=$!
  trap 'interrupted=1; kill -USR1 "$child" 2>/dev/null || true' USR1
  trap 'interrupted=1 ended_by_slurm=1; kill -USR1 "$child" 2>/dev/null || true' TERM
  # A signal ends `wait` before the child has ended; 127 means that its code was taken in the round before.
  while ((interrupted)); do
    interrupted=0 status=0
    wait "$child" || status=$?
    ((status == 127)) || code=$status
  done
  if ((code == 75 && !ended_by_slurm)); then
    echo "saved; job $job goes back into the queue"
    scontrol requeue "$job" || echo "job $job cannot be queued again here; sbatch it again to go on"
  fi
  return "$code"
}
