"""What is done with recordings: nothing here trades."""
