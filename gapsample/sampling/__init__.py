"""What every sampler needs: records, checkpoints, the run loop with its reasons to stop, and executors."""
