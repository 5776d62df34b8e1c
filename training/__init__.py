"""What train.py can train: a module for each network, each with a Task (training/task.py)."""
