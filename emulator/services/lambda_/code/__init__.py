"""Code as it is uploaded: archives, layers, code signing."""
