"""What the processes share: memory, vocabulary and time; imports nothing of ours."""
