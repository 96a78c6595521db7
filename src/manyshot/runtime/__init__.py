"""What any training needs while it runs: checkpoints, the log, clocks, devices, processes, run folders."""
