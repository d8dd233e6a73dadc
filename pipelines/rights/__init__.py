"""What a person can ask for: to see, correct, restrict or erase what is held; and how long it is held."""
