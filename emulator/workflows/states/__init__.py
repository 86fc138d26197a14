"""The kinds of states: what each does first, and what follows when its work is done."""
