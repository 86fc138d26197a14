"""The languages of runtimes, one module each: what AWS's runtimes of it are, and how ours start."""
